/**
 * Gathers what comes while the last statement is under way, and does it all in the next one: a hundred messages a tick
 * cost the database as much as one.
 */
export class Batcher<Item, Result> {
  readonly #work: (items: Item[]) => Promise<Result[]>;
  readonly #most: number;
  #waiting: { item: Item; resolve(result: Result): void; reject(error: unknown): void }[] = [];
  #running: Promise<void> | null = null;

  /** @param work gives a result for each item, in their order. @param most items at a time. */
  constructor(work: (items: Item[]) => Promise<Result[]>, most = 500) {
    this.#work = work;
    this.#most = most;
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
    // What arrives in the same turn of the event loop goes with the first one.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#most);
      try {
        const results = await this.#work(batch.map(({ item }) => item));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = null;
  }
}
