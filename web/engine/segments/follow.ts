import { UPRIGHT } from '../../../kernels/index.ts';
import type { FrameEvent, ZoneTotals } from '../../../protocol/index.ts';
import type { SourcePlan } from '../plan.ts';
import { UNKNOWN_FPS } from '../source/frame-source.ts';
import { Following } from '../track/following.ts';
import { ZoneCounter } from '../zones/zone-counter.ts';

/**
 * Follows objects over all segments of a source, from what was found in each, and counts them: as one run over the
 * whole does it, whatever the cut.
 */
export class SegmentFollower {
  readonly #following: Following;
  readonly #zones: ZoneCounter | null;

  constructor({ detect, zones }: SourcePlan, fps: number | null) {
    this.#following = new Following(detect!, fps ?? UNKNOWN_FPS);
    this.#zones = zones && new ZoneCounter(zones);
  }

  /** Called once for each frame, in their order. */
  async next({ size, detections: found, ...frame }: FrameEvent): Promise<FrameEvent> {
    const [displayWidth, displayHeight] = size ?? [0, 0];
    const view = { displayWidth, displayHeight, orientation: UPRIGHT };
    const detections = await this.#following.next(found ? Promise.resolve(found) : null, view);
    const zones = this.#zones?.update(frame.time, detections);
    const { v, type, source, frame: index, time, depth } = frame;
    // In the order in which the engine writes them.
    return {
      ...{ v, type, source, frame: index, time, detections },
      ...(depth && { depth }),
      ...(zones && { zones, occupancy: this.#zones!.occupancy() }),
    };
  }

  totals(): Record<string, ZoneTotals> | null {
    return this.#zones?.totals() ?? null;
  }
}
