interface Waiter {
  ready(): boolean;
  wake(): void;
}

/** A condition variable: whoever waits is woken by the first `notify` at which its condition holds, and not before. */
export class Signal {
  #waiters: Waiter[] = [];

  notify(): void {
    if (this.#waiters.length === 0) return;
    const asleep: Waiter[] = [];
    const awake: Waiter[] = [];
    for (const waiter of this.#waiters) (waiter.ready() ? awake : asleep).push(waiter);
    if (awake.length === 0) return;
    this.#waiters = asleep;
    for (const { wake } of awake) wake();
  }

  /** Resolves when `ready` holds; it is asked now and at every `notify`, and must be cheap. */
  async until(ready: () => boolean): Promise<void> {
    // What held at the notification may have been taken by somebody else who was woken with it.
    while (!ready()) await new Promise<void>((wake) => this.#waiters.push({ ready, wake }));
  }
}
