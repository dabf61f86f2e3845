import { readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks a second: fixed at 100 on every Linux that Node runs on. */
const TICKS = 100;
const INTERVAL = 50;
const PAGE_KIB = 4;

interface Sample {
  /** Milliseconds since 1970. */
  at: number;
  cpuSeconds: number;
  memoryMiB: number;
}

/** Processor time and memory of a process and all its descendants over time, from /proc (Linux only). */
export class ProcessTree {
  readonly samples: Sample[] = [];
  readonly #root: number;
  readonly #timer: NodeJS.Timeout;
  /** Of processes that have ended: their time still counts. */
  #lastTicks = new Map<number, number>();

  constructor(root: number) {
    this.#root = root;
    this.#timer = setInterval(() => this.#sample(), INTERVAL);
    this.#sample();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#sample();
  }

  /** Processor seconds used between two moments. */
  cpuBetween(from: number, to: number): number {
    return this.#cpuAt(to) - this.#cpuAt(from);
  }

  #cpuAt(at: number): number {
    const after = this.samples.findIndex((sample) => sample.at >= at);
    if (after <= 0) return (after === 0 ? this.samples[0]! : this.samples.at(-1)!).cpuSeconds;
    const [a, b] = [this.samples[after - 1]!, this.samples[after]!];
    return a.cpuSeconds + ((b.cpuSeconds - a.cpuSeconds) * (at - a.at)) / Math.max(1, b.at - a.at);
  }

  #sample(): void {
    const parents = new Map<number, number>();
    const found = new Map<number, { ticks: number; pages: number }>();
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        // The command may hold spaces and brackets; what follows its last bracket does not.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        parents.set(pid, Number(fields[1]));
        found.set(pid, { ticks: Number(fields[11]) + Number(fields[12]), pages: Number(fields[21]) });
      } catch {
        // It ended between the listing and the reading.
      }
    }
    let pages = 0;
    for (const [pid, { ticks, pages: own }] of found) {
      if (!this.#isDescendant(pid, parents)) continue;
      this.#lastTicks.set(pid, ticks);
      pages += own;
    }
    let ticks = 0;
    for (const own of this.#lastTicks.values()) ticks += own;
    this.samples.push({ at: Date.now(), cpuSeconds: ticks / TICKS, memoryMiB: (pages * PAGE_KIB) / 1024 });
  }

  #isDescendant(pid: number, parents: Map<number, number>): boolean {
    for (let at: number | undefined = pid; at; at = parents.get(at)) if (at === this.#root) return true;
    return false;
  }
}
