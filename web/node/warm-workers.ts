/** Milliseconds that a worker with nothing to do is kept. */
const IDLE_MS = 30_000;

/**
 * Workers that take one work after another: to start one, and to load what it needs, may cost as much as seconds of
 * video. One whose work failed, or was ended, does not come back: whatever it had open is gone with it.
 */
export class WarmWorkers {
  readonly #create: () => Worker;
  readonly #idle: { worker: Worker; timer: ReturnType<typeof setTimeout> }[] = [];

  constructor(create: () => Worker) {
    this.#create = create;
  }

  /** It is the caller's, to be given back or terminated. */
  take(): Worker {
    const last = this.#idle.pop();
    if (!last) return this.#create();
    clearTimeout(last.timer);
    last.worker.onerror = null;
    return last.worker;
  }

  /** Of a worker that has nothing open any more but what it keeps for the next work. */
  giveBack(worker: Worker): void {
    worker.onmessage = null;
    const end = () => {
      worker.terminate();
      const at = this.#idle.findIndex((one) => one.worker === worker);
      if (at >= 0) this.#idle.splice(at, 1);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      end();
    };
    this.#idle.push({ worker, timer: setTimeout(end, IDLE_MS) });
  }

  close(): void {
    for (const { worker, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      worker.terminate();
    }
  }
}
