import type { View } from '../../../kernels/index.ts';
import type { Detection, DetectOptions } from '../../../protocol/index.ts';
import type { BoxMode } from '../backend/backend.ts';
import { within } from './boxes.ts';
import { Tracker } from './tracker.ts';

/** Score from which detections are looked at when objects are followed: what hiding made unsure goes on with a track. */
const FOLLOWED_SCORE = 0.1;

/** What is found for a tracker, here or elsewhere, is more than what is shown. */
export const leastScore = ({ minScore }: DetectOptions, boxes: BoxMode): number =>
  boxes === 'held' ? minScore : Math.min(minScore, FOLLOWED_SCORE);

/**
 * What each frame shows, in frame order, however the inference of several overlaps: its own detections, or on frames
 * that are not inferred those of the last one, held or moved on.
 */
export class Following {
  readonly #tracker: Tracker | null;
  readonly #minScore: number;
  #last: Promise<Detection[]> = Promise.resolve([]);

  /** @param fps frames a second, for how long a track is remembered; null when nobody is followed. */
  constructor({ minScore }: DetectOptions, fps: number | null) {
    this.#minScore = minScore;
    this.#tracker = fps === null ? null : new Tracker(fps);
  }

  /**
   * Called once for each frame, in their order.
   * @param found what inference finds on this frame; null when it is not asked.
   * @param view of this frame: no box reaches outside it.
   */
  next(found: Promise<Detection[]> | null, view: View): Promise<Detection[]> {
    const before = this.#last;
    this.#last = this.#follow(before, found, view);
    // Whoever awaits them hears of a failure; nobody may, when the job ends before.
    this.#last.catch(() => {});
    found?.catch(() => {});
    return this.#last;
  }

  async #follow(
    before: Promise<Detection[]>,
    found: Promise<Detection[]> | null,
    view: View,
  ): Promise<Detection[]> {
    const held = await before;
    if (!this.#tracker) return (await found) ?? held;
    if (!found)
      return this.#tracker.coast().flatMap((one) => {
        const box = within(one.box, view);
        return box ? [{ ...one, box }] : [];
      });
    return this.#tracker
      .update(await found)
      .filter(({ score, track }) => score >= this.#minScore || track !== undefined);
  }
}
