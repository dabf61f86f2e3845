/** Rung while nobody waits, it is heard by the next who does. */
export class Bell {
  closed = false;
  #rung = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  close(): void {
    this.closed = true;
    this.ring();
  }

  /** Until it is rung, or so many milliseconds have passed. */
  async rung(ms: number | null = null): Promise<void> {
    if (!this.#rung)
      await new Promise<void>((resolve) => {
        const late = ms === null ? undefined : setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(late);
          resolve();
        };
      });
    this.#wake = null;
    this.#rung = false;
  }
}
