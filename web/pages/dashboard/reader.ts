/**
 * Reads something again whenever it may have changed: never twice at a time, not more often than asked, and once more
 * after the last change.
 */
export class Reader {
  readonly #read: () => Promise<void>;
  readonly #pauseMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #stale = false;
  #stopped = false;

  /** @param read throws nothing. @param pauseMs between the end of a reading and the next one. */
  constructor(read: () => Promise<void>, pauseMs: number) {
    this.#read = read;
    this.#pauseMs = pauseMs;
  }

  changed(): void {
    if (this.#busy) this.#stale = true;
    else void this.#go();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #go(): Promise<void> {
    this.#busy = true;
    this.#stale = false;
    await this.#read();
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#busy = false;
      if (this.#stale) void this.#go();
    }, this.#pauseMs);
  }
}
