import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchAccuracy } from './accuracy.ts';
import { benchDetect } from './detect.ts';
import { benchMemory } from './memory.ts';
import { benchStreet } from './street/index.ts';
import { benchTranscode } from './transcode.ts';

/** A figure beside the least (or most) that is asked of it. */
export interface Row {
  what: string;
  value: string;
  asked?: string;
  ok?: boolean;
}

export interface BenchContext {
  /** Gone when the bench ends. */
  folder: string;
  quick: boolean;
}

const BENCHES: Record<string, (context: BenchContext) => Promise<Row[]>> = {
  transcode: benchTranscode,
  detect: benchDetect,
  accuracy: benchAccuracy,
  memory: benchMemory,
  street: benchStreet,
};

/** `npm run bench -- [--quick] [transcode] [detect] [accuracy] [memory] [street]`: each prints ratios from one run. */
async function main(args: string[]): Promise<void> {
  const quick = args.includes('--quick');
  const chosen = args.filter((arg) => arg in BENCHES);
  const folder = mkdtempSync(join(process.env.EDGE_RUNNER_BENCH_DIR ?? tmpdir(), 'edge-runner-bench-'));
  mkdirSync(folder, { recursive: true });
  try {
    console.log(
      `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`,
    );
    for (const name of chosen.length > 0 ? chosen : Object.keys(BENCHES)) {
      console.log(`\n${name}`);
      for (const { what, value, asked, ok } of await BENCHES[name]!({ folder, quick })) {
        const verdict = asked === undefined ? '' : `   (asked: ${asked}) ${ok ? 'reached' : 'NOT REACHED'}`;
        console.log(`  ${what.padEnd(58)} ${value}${verdict}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
