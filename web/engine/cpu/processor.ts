import { UPRIGHT } from '../../../kernels/index.ts';
import type { FrameInput, FrameProcessor, Processed, StreamSpec } from '../backend/backend.ts';
import { toDepthStats } from '../backend/depth.ts';
import { Schedule } from '../backend/due.ts';
import { isEncodable } from '../backend/frame-format.ts';
import { HeldDepth, type ShownDepth } from '../depth/held-depth.ts';
import { type BoxesOfFrames, boxesOfFrames } from '../track/boxes-of-frames.ts';
import { CpuInference } from './inference.ts';
import type { InferencePool } from './inference-pool.ts';
import { CpuPainter } from './painter.ts';
import { copyPlanes, frameOver, likeOf, type PlaneBuffers, toUprightI420 } from './planes.ts';

/** The stages of one stream on the processor's cores. */
export class CpuProcessor implements FrameProcessor {
  readonly depth: number;
  readonly #stream: StreamSpec;
  readonly #inference: CpuInference | null;
  readonly #boxes: BoxesOfFrames;
  readonly #held: HeldDepth | null;
  readonly #painter: CpuPainter;
  readonly #schedule: Schedule;
  readonly #buffers: PlaneBuffers;

  /**
   * @param pool of the stream's models, the backend's; null when nothing is inferred.
   * @param buffers the backend's as well.
   */
  constructor(stream: StreamSpec, pool: InferencePool | null, buffers: PlaneBuffers) {
    const { depth, fps, layout } = stream;
    this.#stream = stream;
    this.#schedule = new Schedule(stream);
    this.#inference = pool && new CpuInference(stream, stream.meter, pool);
    this.#buffers = buffers;
    this.#boxes = boxesOfFrames(stream);
    this.#held = depth && new HeldDepth(depth.options, fps);
    this.#painter = new CpuPainter(
      depth ? layout : null,
      depth?.model.descriptor.output.head.larger ?? 'nearer',
    );
    // One frame for each session, one being prepared or drawn.
    this.depth = (pool?.size ?? 1) + 1;
  }

  async process(input: FrameInput): Promise<Processed> {
    const { frame, index, view } = input;
    const { ledger, meter, picture } = this.#stream;
    const due = this.#schedule.next({ index, view });
    const like = likeOf(frame);
    const needsPlanes = due !== null || picture === 'drawn' || (picture === 'as-is' && !isEncodable(frame));
    const copying = needsPlanes ? meter.stage('copy').time(() => copyPlanes(frame, this.#buffers)) : null;
    const inferred = due ? copying!.then((copied) => this.#inference!.run(copied, view, due)) : null;
    // Asked before the first await, so that frames come in their order.
    const detecting = due?.detect ? inferred!.then((all) => all.detections!) : null;
    const found = this.#boxes(input, detecting);
    const held = this.#held?.next(due?.depth ? inferred!.then((all) => all.depth!) : null) ?? null;
    let kept: VideoFrame | null = frame;
    try {
      const planes = await copying;
      if (planes && (picture !== 'as-is' || !isEncodable(frame))) {
        ledger.close(frame);
        kept = null;
      }
      const [detections, shown] = await Promise.all([found, held]);
      const results = { detections, depth: this.#foundDepth(shown, due?.depth ?? false) };
      if (kept || picture === 'none') {
        if (planes) this.#buffers.give(planes);
        if (kept && picture === 'none') ledger.close(kept);
        return { frame: picture === 'none' ? null : kept, ...results };
      }
      if (!planes) throw new Error('a frame was closed without its planes');
      const start = performance.now();
      const drawn =
        picture === 'drawn'
          ? this.#painter.draw(planes, this.#buffers, detections, shown, view)
          : toUprightI420(planes, UPRIGHT, this.#buffers);
      meter.stage('draw').add(performance.now() - start);
      const made = ledger.own(frameOver(drawn, like));
      for (const done of new Set([planes, drawn])) this.#buffers.give(done);
      return { frame: made, ...results };
    } catch (error) {
      if (kept) ledger.close(kept);
      throw error;
    }
  }

  crossed(): null {
    return null;
  }

  async close(): Promise<void> {
    // What is still inferred nobody waits for any more.
    const pool = this.#inference?.pool;
    if (pool && !pool.isIdle) pool.close();
  }

  #foundDepth(shown: ShownDepth | null, isNew: boolean) {
    if (!shown) return null;
    const map = isNew && this.#stream.depth!.maps ? shown.map : null;
    return { stats: toDepthStats(shown.percentiles), map };
  }
}
