interface Timed {
  type: 'key' | 'delta';
  /** Seconds. */
  timestamp: number;
}

/**
 * Leaves out what goes back in time, as it does where recordings were put one behind the other, or a recorder was
 * started anew: up to where a decoder can go on and time has caught up.
 */
export class ForwardOnly {
  readonly #onBack: (seconds: number) => void;
  #latest = Number.NEGATIVE_INFINITY;
  /** The latest time of all before the last keyframe: what follows that may lie before it, but not before this. */
  #floor = Number.NEGATIVE_INFINITY;
  #waiting = false;

  /** @param onBack is told each time, with the latest time before. */
  constructor(onBack: (seconds: number) => void) {
    this.#onBack = onBack;
  }

  /** Whether a packet goes on from those before it. In decode order. */
  takes({ type, timestamp }: Timed): boolean {
    const floor = type === 'key' ? this.#latest : this.#floor;
    if (this.#waiting && type === 'delta') return false;
    if (timestamp < floor) {
      if (!this.#waiting) this.#onBack(this.#latest);
      this.#waiting = true;
      return false;
    }
    this.#waiting = false;
    this.#floor = floor;
    this.#latest = Math.max(this.#latest, timestamp);
    return true;
  }
}
