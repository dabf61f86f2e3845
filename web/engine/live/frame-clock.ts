/** Gaps that the usual one is taken from. */
const REMEMBERED = 15;
/** Microseconds after which frames are no longer one stream: a source was stopped, or another one taken. */
const BREAK = 2_000_000;
/** Frames a second until there is anything to measure. */
const GUESS = 30;

export interface Tick {
  /** Counts frames that should have come, from 0. */
  index: number;
  /** Microseconds; rises from frame to frame whatever the source does. */
  timestamp: number;
}

/** What the timestamps of a live source say: how many frames a second there are, and how many never came. */
export class FrameClock {
  #gaps: number[] = [];
  /** As the source says it, and as it goes on. */
  #last: { from: number; to: number } | null = null;
  #index = -1;
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  /** Frames a second. */
  get fps(): number {
    const gap = this.#usualGap;
    return gap === null ? GUESS : 1e6 / gap;
  }

  /** @param timestamp of the next frame as it came, microseconds. */
  next(timestamp: number): Tick {
    const last = this.#last;
    const gap = last ? timestamp - last.from : 0;
    if (last && gap > 0 && gap < BREAK) {
      const usual = this.#usualGap;
      const steps = usual === null ? 1 : Math.max(1, Math.round(gap / usual));
      this.#index += steps;
      this.#dropped += steps - 1;
      this.#gaps.push(gap / steps);
      if (this.#gaps.length > REMEMBERED) this.#gaps.shift();
      this.#last = { from: timestamp, to: last.to + gap };
    } else {
      this.#index++;
      const to = last ? last.to + Math.round(this.#usualGap ?? 1e6 / GUESS) : timestamp;
      this.#last = { from: timestamp, to };
    }
    return { index: this.#index, timestamp: this.#last.to };
  }

  /** The median. */
  get #usualGap(): number | null {
    if (this.#gaps.length < 3) return null;
    return [...this.#gaps].sort((a, b) => a - b)[this.#gaps.length >> 1]!;
  }
}
