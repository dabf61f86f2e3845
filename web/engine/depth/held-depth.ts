import {
  type DepthMap,
  type DepthPercentiles,
  type DepthRange,
  smoothingStep,
  smoothRange,
} from '../../../kernels/index.ts';
import type { DepthOptions } from '../../../protocol/index.ts';

/** What a model says of one frame. */
export interface EstimatedDepth {
  /** Without the letterbox's border. */
  map: DepthMap;
  /** Null when the map holds no number. */
  percentiles: DepthPercentiles | null;
}

/** What one frame shows; the same object on frames that are not inferred. */
export interface ShownDepth extends EstimatedDepth {
  /** Smoothed over time; null until a map holds a number. */
  range: DepthRange | null;
}

/** Depth of each frame, in frame order, however the inference of several overlaps: its own, or that of the last one. */
export class HeldDepth {
  readonly #step: number;
  #last: Promise<ShownDepth | null> = Promise.resolve(null);

  /** @param fps frames a second; null for still pictures, whose ranges have nothing to do with one another. */
  constructor({ every }: DepthOptions, fps: number | null) {
    this.#step = rangeStep(every, fps);
  }

  /**
   * Called once for each frame, in their order.
   * @param found what inference finds on this frame; null when it is not asked.
   */
  next(found: Promise<EstimatedDepth> | null): Promise<ShownDepth | null> {
    if (!found) return this.#last;
    const before = this.#last;
    this.#last = this.#show(before, found);
    // Whoever awaits them hears of a failure; nobody may, when the job ends before.
    this.#last.catch(() => {});
    found.catch(() => {});
    return this.#last;
  }

  async #show(before: Promise<ShownDepth | null>, found: Promise<EstimatedDepth>): Promise<ShownDepth> {
    const range = (await before)?.range ?? null;
    const { map, percentiles } = await found;
    return { map, percentiles, range: percentiles ? smoothRange(range, percentiles, this.#step) : range };
  }
}

/** @param fps null for still pictures. @returns see `smoothRange`. */
export const rangeStep = (every: number, fps: number | null): number =>
  fps === null ? 1 : smoothingStep(every / fps);
