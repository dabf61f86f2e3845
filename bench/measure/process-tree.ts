import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { sum } from '../reporting/statistics.ts';

/** Kernel ticks a second: fixed at 100 on every Linux that Node runs on. */
const TICKS = 100;
const INTERVAL = 100;
/** Processes that come are seen within a second. */
const SAMPLES_A_LOOK = 10;
const PAGE_KIB = 4;

const HAS_PROC = process.platform === 'linux';
/** Starting it costs more than reading /proc. */
const PS_INTERVAL = 500;

interface Sample {
  /** Milliseconds since 1970. */
  at: number;
  cpuSeconds: number;
  memoryMiB: number;
}

/** Processor time and memory of a process and all its descendants over time: from /proc, from `ps` where there is none. */
export class ProcessTree {
  readonly samples: Sample[] = [];
  readonly #root: number;
  readonly #timer: NodeJS.Timeout;
  #members: number[] = [];
  #samplesUntilLook = 0;
  /** Of processes that have ended: their time still counts. */
  #lastTicks = new Map<number, number>();

  constructor(root: number) {
    this.#root = root;
    this.#timer = HAS_PROC
      ? setInterval(() => this.#sample(), INTERVAL)
      : setInterval(() => this.#askPs(), PS_INTERVAL);
    if (HAS_PROC) this.#sample();
    else this.#askPs();
  }

  stop(): void {
    clearInterval(this.#timer);
    if (HAS_PROC) this.#sample();
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
    if (this.#samplesUntilLook-- === 0) this.#look();
    let pages = 0;
    for (const pid of this.#members) {
      const stat = statOf(pid);
      if (!stat) continue;
      this.#lastTicks.set(pid, stat.ticks);
      pages += stat.pages;
    }
    this.#record((pages * PAGE_KIB) / 1024);
  }

  /** A look and a sample in one. */
  #askPs(): void {
    execFile('ps', ['-axo', 'pid=,ppid=,time=,rss='], (error, stdout) => {
      if (error) return;
      const all = stdout.trim().split('\n').map(psLine);
      const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
      const own = all.filter(({ pid }) => this.#isDescendant(pid, parents));
      for (const { pid, seconds } of own) this.#lastTicks.set(pid, seconds * TICKS);
      this.#record(sum(own.map(({ kib }) => kib)) / 1024);
    });
  }

  #record(memoryMiB: number): void {
    const cpuSeconds = sum([...this.#lastTicks.values()]) / TICKS;
    this.samples.push({ at: Date.now(), cpuSeconds, memoryMiB });
  }

  /** Which processes there are: reading all of them each time would cost a measurable part of a core. */
  #look(): void {
    this.#samplesUntilLook = SAMPLES_A_LOOK - 1;
    const parents = new Map<number, number>();
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      const stat = Number.isInteger(pid) ? statOf(pid) : null;
      if (stat) parents.set(pid, stat.parent);
    }
    this.#members = [...parents.keys()].filter((pid) => this.#isDescendant(pid, parents));
  }

  #isDescendant(pid: number, parents: Map<number, number>): boolean {
    for (let at: number | undefined = pid; at; at = parents.get(at)) if (at === this.#root) return true;
    return false;
  }
}

/** A line of pid, parent, time as [[hours:]minutes:]seconds, KiB. */
function psLine(line: string): { pid: number; parent: number; seconds: number; kib: number } {
  const [pid, parent, time, kib] = line.trim().split(/\s+/);
  const seconds = (time ?? '0').split(':').reduce((total, part) => total * 60 + Number(part), 0);
  return { pid: Number(pid), parent: Number(parent), seconds, kib: Number(kib) };
}

function statOf(pid: number): { parent: number; ticks: number; pages: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and brackets; what follows its last bracket does not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
      pages: Number(fields[21]),
    };
  } catch {
    // It has ended.
    return null;
  }
}
