/** Work that must not overlap, one piece after another in the order of the calls. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when all that was asked for up to now is done or has failed. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
