/** Seconds that a layer takes to come or to go. */
const TRANSITION = 0.4;

/** How far a layer has come into the picture; it turns round midway where it is told to. */
export class Appearance {
  #shown: boolean;
  /** Where it was when it was told last, 0 to 1, and when that was, seconds. */
  #from: number;
  #at: number;

  /** It begins outside the picture. */
  constructor(shown: boolean, at: number) {
    this.#shown = shown;
    this.#from = 0;
    this.#at = at;
  }

  show(shown: boolean, at: number): void {
    if (shown === this.#shown) return;
    this.#from = this.#linear(at);
    this.#at = at;
    this.#shown = shown;
  }

  /** When it was told last to come, or to go, seconds. */
  get since(): number {
    return this.#at;
  }

  /** 0 outside the picture, 1 in its place. */
  progress(at: number): number {
    const p = this.#linear(at);
    return p * p * (3 - 2 * p);
  }

  #linear(at: number): number {
    const way = Math.max(0, at - this.#at) / TRANSITION;
    return Math.min(1, Math.max(0, this.#from + (this.#shown ? way : -way)));
  }
}
