/** Rests shorter than this are saved up: timers are no finer. */
const LEAST_REST_MS = 20;
/** Longer than this nobody worked at a frame: whatever waited meanwhile was no use of this device. */
const MOST_WORK_MS = 5_000;

/** Gives a job only a share of the device's time: after every frame it rests in proportion to what that took. */
export class Throttle {
  #share = 1;
  /** When the frame that is being worked at was begun; null before the first. */
  #began: number | null = null;
  /** Milliseconds of rest that are owed. */
  #owed = 0;
  #worked = 0;
  #rested = 0;
  readonly #now: () => number;
  readonly #rest: (ms: number) => Promise<unknown>;

  constructor(
    now = () => performance.now(),
    rest = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms)),
  ) {
    this.#now = now;
    this.#rest = rest;
  }

  /** @param share of the time, above 0, up to 1 for all of it. */
  set share(share: number) {
    this.#share = Math.min(1, Math.max(0.05, share));
    if (this.#share === 1) this.#owed = 0;
  }

  /** Seconds between frames that counted as work, and that it rested; null where it never rested. */
  get spent(): { worked: number; rested: number } | null {
    return this.#rested === 0 ? null : { worked: this.#worked / 1000, rested: this.#rested / 1000 };
  }

  /** Settles when the next frame may begin. @returns milliseconds that it rested. */
  async admit(): Promise<number> {
    const now = this.#now();
    const worked = this.#began === null ? 0 : Math.min(MOST_WORK_MS, now - this.#began);
    this.#began = now;
    this.#worked += worked;
    this.#owed += worked * (1 / this.#share - 1);
    if (this.#owed < LEAST_REST_MS) return 0;
    const rest = this.#owed;
    await this.#rest(rest);
    const woken = this.#now();
    // A timer that came late has rested for the next frames too.
    this.#owed = Math.min(0, rest - (woken - now));
    this.#began = woken;
    this.#rested += woken - now;
    return woken - now;
  }
}
