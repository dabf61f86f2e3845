/** Milliseconds between two pictures, and their width: enough to see what is worked at. */
const INTERVAL_MS = 500;
const WIDTH = 320;

/** Small pictures of what is worked at, for the page, while somebody looks. */
export class Preview {
  wanted = false;
  readonly #show: (picture: ImageBitmap) => void;
  #last = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(show: (picture: ImageBitmap) => void) {
    this.#show = show;
  }

  /** @param frame the caller's: looked at, never kept. */
  offer(frame: VideoFrame): void {
    if (!this.wanted || this.#busy || performance.now() - this.#last < INTERVAL_MS) return;
    this.#last = performance.now();
    this.#busy = true;
    const mine = frame.clone();
    const resizeHeight = Math.max(1, Math.round((WIDTH * frame.displayHeight) / frame.displayWidth));
    createImageBitmap(mine, { resizeWidth: WIDTH, resizeHeight, resizeQuality: 'low' })
      .then((picture) => this.#show(picture))
      // A frame that cannot be drawn is no reason to stop: it is only not shown.
      .catch(() => {})
      .finally(() => {
        mine.close();
        this.#busy = false;
      });
  }
}
