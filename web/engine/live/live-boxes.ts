import type { View } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import { within } from '../track/boxes.ts';
import { Tracker } from '../track/tracker.ts';

/** What of all that was found is shown. */
export interface Shown {
  /** 0 to 1. */
  minScore: number;
  /** Names; null for every class. */
  classes: ReadonlySet<string> | null;
  /** Whether objects show their number. */
  numbered: boolean;
}

/** Frames after which what was found last is shown no more: nobody has looked for too long. */
const FORGOTTEN_AFTER_SECONDS = 2;

/**
 * Boxes of a live picture whose frames do not wait for inference: what was found on an earlier frame is moved on to the
 * one that is shown.
 */
export class LiveBoxes {
  readonly #tracker: Tracker;
  readonly #forgotten: number;
  /** The frame that was looked at last; null before the first. */
  #looked: number | null = null;
  #shown: Shown;
  /** Tracks that were sure enough once: those stay when a look is less sure of them. */
  #sure = new Set<number>();

  /** @param fps frames a second, about. */
  constructor(fps: number, shown: Shown) {
    this.#tracker = new Tracker(fps);
    this.#forgotten = FORGOTTEN_AFTER_SECONDS * fps;
    this.#shown = shown;
  }

  show(shown: Shown): void {
    if (shown.minScore !== this.#shown.minScore) this.#sure.clear();
    this.#shown = shown;
  }

  /**
   * Takes what was found on a frame, which lies after the one before.
   * @returns what of it is shown, with tracks.
   */
  found(frame: number, detections: Detection[]): Detection[] {
    for (let passed = (this.#looked ?? frame - 1) + 1; passed < frame; passed++) this.#tracker.coast();
    this.#looked = frame;
    const found = this.#tracker.update(detections);
    const { minScore } = this.#shown;
    this.#sure = new Set(
      found.flatMap(({ track, score }) =>
        track !== undefined && (score >= minScore || this.#sure.has(track)) ? [track] : [],
      ),
    );
    return this.#visible(found);
  }

  /** @param frame that is shown now: not before the one that was looked at last. */
  at(frame: number, view: View): Detection[] {
    if (this.#looked === null || frame - this.#looked > this.#forgotten) return [];
    return this.#visible(this.#tracker.ahead(frame - this.#looked)).flatMap((one) => {
      const box = within(one.box, view);
      return box ? [{ ...one, box }] : [];
    });
  }

  #visible(detections: readonly Detection[]): Detection[] {
    const { minScore, classes, numbered } = this.#shown;
    return detections
      .filter(
        ({ score, track, class: name }) =>
          (score >= minScore || (track !== undefined && this.#sure.has(track))) &&
          (classes === null || classes.has(name)),
      )
      .map((one) => (numbered ? one : unnumbered(one)));
  }
}

function unnumbered({ track: _, ...detection }: Detection): Detection {
  return detection;
}
