/**
 * Counts the `VideoFrame`s that the engine holds open. Decoders stall when 8 to 13 of their frames are open
 * (Chromium's pools), so the pumps read `open` before they ask for more, and a run must end with `open === 0`.
 */
export class FrameLedger {
  /** Frames open at a time, at most; decoders are fed so that it is never passed. */
  static readonly LIMIT = 8;

  #owned = new Set<VideoFrame>();
  #peak = 0;
  #onClose: () => void;

  constructor(onClose: () => void = () => {}) {
    this.#onClose = onClose;
  }

  get open(): number {
    return this.#owned.size;
  }

  get peak(): number {
    return this.#peak;
  }

  /** Takes ownership of a frame; whoever holds it now must {@link close} it. */
  own(frame: VideoFrame): VideoFrame {
    this.#owned.add(frame);
    this.#peak = Math.max(this.#peak, this.#owned.size);
    return frame;
  }

  /** Closes a frame that this ledger owns; a second close of the same frame is a fault and throws. */
  close(frame: VideoFrame): void {
    if (!this.#owned.delete(frame)) throw new Error('a VideoFrame was closed twice, or was never owned');
    frame.close();
    this.#onClose();
  }

  /** Lets go of a frame that somebody else owns from now on. */
  handOver(frame: VideoFrame): void {
    if (!this.#owned.delete(frame)) throw new Error('a VideoFrame was handed over that was never owned');
    this.#onClose();
  }

  /** Closes whatever is still open, for the error path. Returns how many that were. */
  closeAll(): number {
    const left = [...this.#owned];
    for (const frame of left) this.close(frame);
    return left.length;
  }
}
