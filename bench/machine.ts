import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CapabilityReport } from '../protocol/index.ts';
import type { Machine } from './reporting/report.ts';
import { ROOT } from './root.ts';

/** Of the machine that this process may use: a container, or `taskset`, may leave fewer of them. */
export const CORES = coresOf();

const PACKAGES = ['onnxruntime-web', 'mediabunny', 'puppeteer-core'];

/** What the figures of a report hold for. @param capabilities null where no browser has a part in it. */
export function describeMachine(browser: string, capabilities: CapabilityReport | null): Machine {
  const adapter = capabilities?.adapter;
  const ffmpeg = output('ffmpeg', ['-version']);
  const own = versionOf(join(ROOT, 'package.json'));
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: CORES,
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

/** Node itself does not look at the share of processor time that a container gets. */
function coresOf(): number {
  const cores = availableParallelism();
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').split(' ').map(Number);
    return quota && period ? Math.max(1, Math.min(cores, Math.round(quota / period))) : cores;
  } catch {
    return cores;
  }
}

const versionOf = (path: string): string =>
  (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;

/** Short hash, marked where files differ from it; of a packed bench what it was packed from. */
function commit(): string | null {
  const packed = join(ROOT, 'COMMIT');
  if (existsSync(packed)) return readFileSync(packed, 'utf8').trim();
  const hash = output('git', ['rev-parse', '--short', 'HEAD']);
  if (!hash) return null;
  return output('git', ['status', '--porcelain']) ? `${hash.trim()} and changes` : hash.trim();
}

function output(command: string, args: string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', cwd: ROOT });
  return status === 0 ? stdout : null;
}
