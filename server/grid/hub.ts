/** Wakes those who follow jobs when something may have changed; what has, they read for themselves. */
export class Hub {
  readonly #followers = new Map<string, Set<() => void>>();

  /** @returns what ends it. */
  follow(job: string, wake: () => void): () => void {
    const followers = this.#followers.get(job) ?? new Set();
    this.#followers.set(job, followers);
    followers.add(wake);
    return () => {
      followers.delete(wake);
      if (followers.size === 0) this.#followers.delete(job);
    };
  }

  wake(jobs: readonly string[]): void {
    for (const job of jobs) for (const wake of this.#followers.get(job) ?? []) wake();
  }

  /** Of whoever follows anything: a notice may have been missed. */
  wakeAll(): void {
    this.wake([...this.#followers.keys()]);
  }
}
