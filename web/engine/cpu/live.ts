import { CompositeCpu, type CompositeLayer, type Picture } from '../../../kernels/index.ts';
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

interface CopiedLayers {
  layers: CompositeLayer<Picture>[];
  /** Memory that they lie in. */
  copies: FramePlanes[];
}

/** The stages of a live source on the processor's cores. */
export class CpuLiveStages implements LiveStages {
  readonly infers: boolean;
  /** One copied while another is drawn. */
  readonly depth: FrameProcessor['depth'] = 2;
  readonly #spec: LiveSpec;
  readonly #inference: CpuInference | null;
  readonly #due: { detect: boolean; depth: boolean };
  readonly #painter: CpuPainter;
  readonly #held: HeldDepth | null;
  readonly #buffers: PlaneBuffers;
  readonly #composite = new CompositeCpu();
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
    this.infers = pool !== null;
    this.#due = { detect: detect !== null, depth: depth !== null };
    this.#held = inferred.depth && new HeldDepth(inferred.depth.options, inferred.fps);
    const larger = depth?.model.descriptor.output.head.larger ?? 'nearer';
    this.#painter = new CpuPainter(depth ? layout : null, larger);
  }

  async show({ frame, view, boxes, layers, look }: LiveFrame): Promise<LiveShown> {
    const { ledger, meter } = this.#spec;
    const like = likeOf(frame);
    let planes: FramePlanes;
    let over: CopiedLayers;
    try {
      [planes, over] = await meter
        .stage('copy')
        .time(() => Promise.all([copyPlanes(frame, this.#buffers), this.#copied(layers)]));
    } finally {
      ledger.close(frame);
    }
    // Before the drawing: inference looks at the picture as it came.
    const looked = look && this.#inference ? this.#look(this.#inference, planes, view) : null;
    const start = performance.now();
    const drawn = this.#painter.draw(planes, this.#buffers, [...boxes], this.#shown, view);
    meter.stage('draw').add(performance.now() - start);
    if (layers.length > 0) {
      const start = performance.now();
      this.#composite.draw(drawn.picture, over.layers);
      meter.stage('composite').add(performance.now() - start);
    }
    const made = ledger.own(frameOver(drawn, like));
    for (const done of new Set([planes, drawn, ...over.copies])) this.#buffers.give(done);
    return { frame: made, looked };
  }

  /** The pool is the backend's: what is still looked at there ends by itself. */
  async close(): Promise<void> {}

  /** Layers whose frames are planes in memory. */
  async #copied(layers: LiveFrame['layers']): Promise<CopiedLayers> {
    const copies: FramePlanes[] = [];
    const copied = layers.map(async (layer): Promise<CompositeLayer<Picture>> => {
      if (layer.kind === 'bitmap') return layer;
      const planes = await copyPlanes(layer.frame, this.#buffers);
      copies.push(planes);
      return { ...layer, frame: planes.picture };
    });
    return { layers: await Promise.all(copied), copies };
  }

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
