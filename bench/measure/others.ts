import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { CORES } from '../machine.ts';
import { sum } from '../reporting/statistics.ts';
import { ProcessTree } from './process-tree.ts';

/** Kernel ticks a second, as in `ProcessTree`. */
const TICKS = 100;
/** Fields of /proc/stat that are no work: idle, and waiting for a disk. */
const IDLE = [3, 4];

/** How much of the machine went to processes that are none of ours: what is measured beside them says less. */
export class Others {
  readonly #tree = new ProcessTree(process.pid);
  readonly #began = Date.now();
  readonly #busy = busySeconds();

  /** @returns share of all cores; null where nobody can tell. */
  end(): number | null {
    this.#tree.stop();
    const busy = busySeconds();
    const ended = Date.now();
    // The kernel's count is of all cores, of which a container may have few.
    if (busy === null || this.#busy === null || CORES !== cpus().length) return null;
    const own = this.#tree.cpuBetween(this.#began, ended);
    const seconds = (ended - this.#began) / 1000;
    return Math.max(0, (busy - this.#busy - own) / (CORES * seconds));
  }
}

function busySeconds(): number | null {
  try {
    const [first] = readFileSync('/proc/stat', 'utf8').split('\n');
    const ticks = first!.trim().split(/\s+/).slice(1, 9).map(Number);
    return sum(ticks.filter((_, i) => !IDLE.includes(i))) / TICKS;
  } catch {
    return null;
  }
}
