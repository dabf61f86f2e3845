import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import { paced } from '../pipeline/pace.ts';

/** Milliseconds without a frame after which a source stands still: cameras in the dark give one every 66. */
const STILL = 100;
/** Milliseconds between two frames that are shown again. */
const INTERVAL = 40;

/**
 * A source that stands still sends nothing: a screen on which nothing happens, say. What lies over its picture moves all
 * the same, so that its last frame is shown again and again.
 */
export class StillPicture {
  readonly #ledger: FrameLedger;
  readonly #again: (frame: VideoFrame) => Promise<void>;
  readonly #isDue: () => boolean;
  /** The last frame that came, and when. */
  #last: { frame: VideoFrame; at: number } | null = null;
  #end: (() => void) | null = null;

  /**
   * @param again takes a frame over.
   * @param isDue whether all that came is shown, and something lies over it: who is behind shows nothing twice.
   */
  constructor(ledger: FrameLedger, again: (frame: VideoFrame) => Promise<void>, isDue: () => boolean) {
    this.#ledger = ledger;
    this.#again = again;
    this.#isDue = isDue;
  }

  /** Holds on to this one; the caller keeps its own. */
  hold(frame: VideoFrame): void {
    this.#drop();
    this.#last = { frame: this.#ledger.own(frame.clone()), at: performance.now() };
    this.#end ??= paced(INTERVAL, () => this.#look());
  }

  /** Shows nothing again any more. */
  release(): void {
    this.#drop();
    this.#end?.();
    this.#end = null;
  }

  #drop(): void {
    if (this.#last) this.#ledger.close(this.#last.frame);
    this.#last = null;
  }

  #look(): void {
    const last = this.#last;
    const elapsed = last ? performance.now() - last.at : 0;
    if (!last || elapsed < STILL || !this.#isDue()) return;
    const timestamp = last.frame.timestamp + Math.round(1000 * elapsed);
    void this.#again(this.#ledger.own(new VideoFrame(last.frame, { timestamp })));
  }
}
