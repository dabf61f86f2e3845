import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as tick } from 'node:timers/promises';

/** How long the kernel may take to reap a browser's helpers after their parent has gone, milliseconds. */
const REAPING = 2000;

/** Everything in a folder and below, relative to it. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

/** Command lines of the processes that stem from a run, known by its temporary folder; none is the usual answer. */
export async function processesOf(tmp: string): Promise<string[]> {
  const end = performance.now() + REAPING;
  while (true) {
    const found = runningIn(tmp).map(({ command }) => command.slice(0, 200));
    if (found.length === 0 || performance.now() > end) return found;
    await tick(20);
  }
}

/** The browser's main process of a run: it has the profile on its command line and is nobody's helper. */
export function browserOf(tmp: string): number[] {
  return runningIn(tmp)
    .filter(({ command }) => command.includes(`--user-data-dir=${tmp}`) && !command.includes('--type='))
    .map(({ pid }) => pid);
}

/** The processes that a run's page lives in, spare ones included: which of them is the page's, only the browser knows. */
export function renderersOf(tmp: string): number[] {
  return runningIn(tmp)
    .filter(({ command }) => command.includes('--type=renderer'))
    .map(({ pid }) => pid);
}

/**
 * Processes that name the folder in their environment or command line (Linux only: elsewhere there is no /proc). The
 * environment is inherited, so that helpers which left the process group are found too.
 */
function runningIn(tmp: string): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .map((pid) => ({ pid, command: readProc(pid, 'cmdline'), environment: readProc(pid, 'environ') }))
    .filter(({ command, environment }) => command.includes(tmp) || environment.includes(tmp));
}

function readProc(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It ended between the listing and the reading, or is another user's.
    return '';
  }
}
