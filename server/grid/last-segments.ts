import type { HeldAttempt } from './fleet.ts';

/** How long a node took for a segment, the last one that it did. */
export interface Pace {
  /** Which segments these are, by {@link passOf}. */
  pass: string;
  secondsPerFrame: number;
}

/** Segments that are worked at alike: of one source, in one pass over it. */
export const passOf = ({ job, source, kind }: Pick<HeldAttempt, 'job' | 'source' | 'kind'>): string =>
  `${job} ${kind} ${source}`;

/** What is known of a node that could take a segment. */
export interface Paced {
  id: string;
  slots: number;
  pace: Pace | null;
  held: ReadonlyMap<string, Pick<HeldAttempt, 'job' | 'source' | 'kind' | 'segment' | 'since'>>;
}

/** A task that waits. */
export interface Waiting extends Pick<HeldAttempt, 'job' | 'source' | 'kind'> {
  /** Of the segment that it is; null for what is none. */
  frames: number | null;
  /** How many segments of its pass wait, itself among them. */
  waiting: number;
}

/**
 * Who should still begin one of the last segments of a source, in one look for what to give whom. A node is left out
 * where the others, with what they have and with all that waits, will be done before it: it would only hold up the
 * job. That goes by what each took for its last segment of this very pass: of a node that has done none nothing is
 * expected, and nothing kept from it.
 */
export class LastSegments {
  readonly #given: ReadonlyMap<string, number>;
  readonly #now: number;
  /** By pass: segments that were given in this look, and nodes that shall not take any. */
  readonly #passes = new Map<string, { given: number; idle: Set<string> }>();

  /**
   * @param given how many tasks nodes get in this look, by their ids; grows with it.
   * @param now of `performance.now()`.
   */
  constructor(given: ReadonlyMap<string, number>, now = performance.now()) {
    this.#given = given;
    this.#now = now;
  }

  /** Whether it was found out already that this node shall not take it. */
  isIdle({ id }: Paced, task: Waiting): boolean {
    return this.#passes.get(passOf(task))?.idle.has(id) ?? false;
  }

  /** @param able nodes that take work and may have it, busy or not; that one may be among them. */
  shouldTake(node: Paced, able: Iterable<Paced>, task: Waiting): boolean {
    if (task.frames === null) return true;
    const pass = passOf(task);
    const looked = this.#passes.get(pass) ?? { given: 0, idle: new Set() };
    this.#passes.set(pass, looked);
    if (this.#isSlower(node, able, pass, task.frames, task.waiting - looked.given)) {
      looked.idle.add(node.id);
      return false;
    }
    looked.given++;
    return true;
  }

  /** Whether all that waits would be done by others before it had done one. */
  #isSlower(node: Paced, able: Iterable<Paced>, pass: string, frames: number, waiting: number): boolean {
    if (node.pace?.pass !== pass) return false;
    const seconds = this.secondsToFree(node, pass, frames) + node.pace.secondsPerFrame * frames;
    let done = 0;
    for (const other of able) {
      if (other.id === node.id) continue;
      done += this.#doneWithin(seconds, other, pass, frames);
      if (done >= waiting) return true;
    }
    return false;
  }

  /** How many more segments a node will have done by then. */
  #doneWithin(seconds: number, node: Paced, pass: string, frames: number): number {
    if (node.pace?.pass !== pass) return 0;
    const each = node.pace.secondsPerFrame * frames;
    return this.#slotsOf(node, pass, frames).reduce(
      (sum, busy) => sum + Math.max(0, Math.floor((seconds - busy) / each)),
      0,
    );
  }

  /**
   * Seconds until a node could begin another segment of a pass; `Infinity` where nobody knows.
   * @param frames of each that it was given in this look.
   */
  secondsToFree(node: Paced, pass: string, frames: number): number {
    return Math.min(...this.#slotsOf(node, pass, frames));
  }

  /** For how long each slot of a node is busy with what it has, and with what it was given in this look. */
  #slotsOf({ id, slots, pace, held }: Paced, pass: string, frames: number): number[] {
    const secondsPerFrame = pace?.pass === pass ? pace.secondsPerFrame : Number.POSITIVE_INFINITY;
    const tasks = [...held.values()].map((one) => {
      // Of what else it has nobody knows how long it takes.
      if (!one.segment || passOf(one) !== pass) return Number.POSITIVE_INFINITY;
      // What is overdue is expected to last as long again as it is overdue.
      return Math.abs(secondsPerFrame * one.segment.frames - (this.#now - one.since) / 1000);
    });
    for (let i = 0; i < (this.#given.get(id) ?? 0); i++) tasks.push(secondsPerFrame * frames);
    const busy = Array<number>(slots).fill(0);
    for (const seconds of tasks) {
      const first = busy.indexOf(Math.min(...busy));
      busy[first]! += seconds;
    }
    return busy;
  }
}
