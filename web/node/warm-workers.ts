/** Milliseconds that a worker with nothing to do is kept. */
const IDLE_MS = 30_000;
/**
 * Works that one does. What a work leaves behind (encoded packets above all, whose bytes the garbage collector does not
 * see) may stay for long where little else is left behind: it goes with the worker.
 */
const MOST_WORKS = 12;

/**
 * Workers that take one work after another: to start one, and to load what it needs, may cost as much as seconds of
 * video. One whose work failed, or was ended, does not come back: whatever it had open is gone with it.
 */
export class WarmWorkers {
  readonly #create: () => Worker;
  /** How many works each has taken. */
  readonly #works = new WeakMap<Worker, number>();
  readonly #idle: { worker: Worker; timer: ReturnType<typeof setTimeout> }[] = [];

  constructor(create: () => Worker) {
    this.#create = create;
  }

  /** It is the caller's, to be given back or terminated. */
  take(): Worker {
    const last = this.#idle.pop();
    clearTimeout(last?.timer);
    const worker = last?.worker ?? this.#create();
    worker.onerror = null;
    this.#works.set(worker, (this.#works.get(worker) ?? 0) + 1);
    return worker;
  }

  /** Of a worker that has nothing open any more but what it keeps for the next work. */
  giveBack(worker: Worker): void {
    worker.onmessage = null;
    if (this.#works.get(worker) === MOST_WORKS) {
      worker.terminate();
      return;
    }
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
