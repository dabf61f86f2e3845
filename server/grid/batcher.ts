import { setTimeout as wait } from 'node:timers/promises';

/** How long is waited at most for more to come, milliseconds. */
const LONGEST_PAUSE = 100;

/**
 * Gathers what comes and does it all in one statement: a hundred messages cost the database as much as one. The longer
 * the last statement took, the longer the next one waits for more, so that under load no kind of work takes all the time.
 */
export class Batcher<Item, Result> {
  readonly #work: (items: Item[]) => Promise<Result[]>;
  readonly #gatherMs: number;
  #waiting: { item: Item; resolve(result: Result): void; reject(error: unknown): void }[] = [];
  #running: Promise<void> | null = null;
  #tookMs = 0;
  /** When the last statement was done. */
  #endedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param work gives a result for each item, in their order.
   * @param gatherMs that are always waited for more, milliseconds.
   */
  constructor(work: (items: Item[]) => Promise<Result[]>, gatherMs: number) {
    this.#work = work;
    this.#gatherMs = gatherMs;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** When nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // What has rested for that long already waits for no more than those that come with it.
      const rested = performance.now() - this.#endedAt;
      await wait(Math.max(this.#gatherMs, pauseAfter(this.#tookMs) - rested));
      const batch = this.#waiting.splice(0, MOST);
      const began = performance.now();
      try {
        const results = await this.#work(batch.map(({ item }) => item));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      this.#endedAt = performance.now();
      this.#tookMs = this.#endedAt - began;
    }
    this.#running = null;
  }
}

/** Of one statement. */
const MOST = 500;

/** Twice as long as what took so long: a third of the time for it, at most. */
export const pauseAfter = (tookMs: number): number => Math.min(LONGEST_PAUSE, 2 * tookMs);
