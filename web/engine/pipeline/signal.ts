/** A condition variable: `wait` resolves at the next `notify`. What may have changed is for the waiter to look at. */
export class Signal {
  #waiters: (() => void)[] = [];

  notify(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Waits until `ready` holds, looking again at every `notify`. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready()) await this.wait();
  }
}
