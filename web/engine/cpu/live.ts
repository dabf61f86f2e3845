import type { FrameProcessor } from '../backend/backend.ts';
import { toDepthStats } from '../backend/depth.ts';
import {
  inferredOf,
  type LiveFrame,
  type LiveShown,
  type LiveSpec,
  type LiveStages,
  type Looked,
} from '../backend/live.ts';
import { HeldDepth, type ShownDepth } from '../depth/held-depth.ts';
import { CpuInference } from './inference.ts';
import type { InferencePool } from './inference-pool.ts';
import { CpuPainter } from './painter.ts';
import { copyPlanes, type FramePlanes, frameOver, likeOf, type PlaneBuffers } from './planes.ts';

/** The stages of a live source on the processor's cores. */
export class CpuLiveStages implements LiveStages {
  /** One copied while another is drawn. */
  readonly depth: FrameProcessor['depth'] = 2;
  readonly #spec: LiveSpec;
  readonly #inference: CpuInference | null;
  readonly #due: { detect: boolean; depth: boolean };
  readonly #painter: CpuPainter;
  readonly #held: HeldDepth | null;
  readonly #buffers: PlaneBuffers;
  #shown: ShownDepth | null = null;

  /**
   * @param pool of the models, the backend's; null when nothing is inferred.
   * @param buffers the backend's as well.
   */
  constructor(spec: LiveSpec, pool: InferencePool | null, buffers: PlaneBuffers) {
    const { detect, depth, layout, meter } = spec;
    const inferred = inferredOf(spec);
    this.#spec = spec;
    this.#buffers = buffers;
    this.#inference = pool && new CpuInference(inferred, meter, pool);
    this.#due = { detect: detect !== null, depth: depth !== null };
    this.#held = inferred.depth && new HeldDepth(inferred.depth.options, inferred.fps);
    const larger = depth?.model.descriptor.output.head.larger ?? 'nearer';
    this.#painter = new CpuPainter(depth ? layout : null, larger);
  }

  async show({ frame, view, boxes, look }: LiveFrame): Promise<LiveShown> {
    const { ledger, meter } = this.#spec;
    const like = likeOf(frame);
    let planes: FramePlanes;
    try {
      planes = await meter.stage('copy').time(() => copyPlanes(frame, this.#buffers));
    } finally {
      ledger.close(frame);
    }
    // Before the drawing: inference looks at the picture as it came.
    const looked = look && this.#inference ? this.#look(this.#inference, planes, view) : null;
    const start = performance.now();
    const drawn = this.#painter.draw(planes, this.#buffers, [...boxes], this.#shown, view);
    const made = ledger.own(frameOver(drawn, like));
    for (const done of new Set([planes, drawn])) this.#buffers.give(done);
    meter.stage('draw').add(performance.now() - start);
    return { frame: made, looked };
  }

  /** The pool is the backend's: what is still looked at there ends by itself. */
  async close(): Promise<void> {}

  #look(inference: CpuInference, planes: FramePlanes, view: LiveFrame['view']): Promise<Looked> {
    const inferred = inference.run(planes, view, this.#due);
    const depth = this.#held?.next(inferred.then((all) => all.depth!)) ?? null;
    const looked = Promise.all([inferred, depth]).then(([{ detections }, shown]): Looked => {
      this.#shown = shown;
      return { detections, depth: shown && { stats: toDepthStats(shown.percentiles), map: null } };
    });
    // Whoever awaits it hears of a failure; nobody may, when the picture ends before.
    looked.catch(() => {});
    return looked;
  }
}
