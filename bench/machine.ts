import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CapabilityReport } from '../protocol/index.ts';
import type { Machine } from './reporting/report.ts';
import { ROOT } from './root.ts';

const PACKAGES = ['onnxruntime-web', 'mediabunny', 'puppeteer-core'];

/** What the figures of a report hold for. */
export function describeMachine(browser: string, { adapter }: CapabilityReport): Machine {
  const ffmpeg = output('ffmpeg', ['-version']);
  const own = versionOf(join(ROOT, 'package.json'));
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    browser,
    adapter: adapter
      ? `${adapter.vendor} ${adapter.architecture} ${adapter.description}${adapter.software ? ' (software)' : ''}`
          .replace(/ +/g, ' ')
          .trim()
      : 'none',
    ffmpeg: /^ffmpeg version (\S+)/.exec(ffmpeg ?? '')?.[1] ?? null,
    versions: {
      'edge-runner': own,
      ...Object.fromEntries(
        PACKAGES.map((name) => [name, versionOf(join(ROOT, 'node_modules', name, 'package.json'))]),
      ),
    },
    commit: commit(),
  };
}

const versionOf = (path: string): string =>
  (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;

/** Short hash, marked where files differ from it. */
function commit(): string | null {
  const hash = output('git', ['rev-parse', '--short', 'HEAD']);
  if (!hash) return null;
  return output('git', ['status', '--porcelain']) ? `${hash.trim()} and changes` : hash.trim();
}

function output(command: string, args: string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', cwd: ROOT });
  return status === 0 ? stdout : null;
}
