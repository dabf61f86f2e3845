import { depthRect, LetterboxCpu, letterboxGeometry, UPRIGHT, type View } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { FrameInput, FrameProcessor, Processed, StreamSpec } from '../backend/backend.ts';
import { toDepthStats } from '../backend/depth.ts';
import { toDetections } from '../backend/detections.ts';
import { type Due, Schedule } from '../backend/due.ts';
import { isEncodable } from '../backend/frame-format.ts';
import { type Letterboxes, letterboxesOf } from '../backend/letterboxes.ts';
import { type EstimatedDepth, HeldDepth, type ShownDepth } from '../depth/held-depth.ts';
import { type BoxesOfFrames, boxesOfFrames } from '../track/boxes-of-frames.ts';
import type { InferencePool } from './inference-pool.ts';
import type { InferenceRequest } from './inference-worker.ts';
import { CpuPainter } from './painter.ts';
import {
  copyPlanes,
  type FramePlanes,
  frameOver,
  likeOf,
  type PlaneBuffers,
  toUprightI420,
} from './planes.ts';

interface Inferred {
  detections: Detection[] | null;
  depth: EstimatedDepth | null;
}

/** The stages of one stream on the processor's cores. */
export class CpuProcessor implements FrameProcessor {
  readonly depth: number;
  readonly #stream: StreamSpec;
  readonly #pool: InferencePool | null;
  readonly #letterboxes: Letterboxes;
  readonly #letterboxers: LetterboxCpu[];
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
    this.#pool = pool;
    this.#buffers = buffers;
    this.#letterboxes = letterboxesOf(stream);
    this.#letterboxers = this.#letterboxes.specs.map((spec) => new LetterboxCpu(spec));
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
    const inferred = due ? copying!.then((copied) => this.#infer(copied, view, due)) : null;
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
    if (this.#pool && !this.#pool.isIdle) this.#pool.close();
  }

  /** Every letterbox that is needed once, then all models in one worker. */
  async #infer({ picture }: FramePlanes, view: View, due: Due): Promise<Inferred> {
    const { detect, depth, meter } = this.#stream;
    const { specs, ...wanted } = this.#letterboxes;
    const request: InferenceRequest = { inputs: [], detect: null, depth: null };
    const used: number[] = [];
    const input = (which: number): number => {
      const known = used.indexOf(which);
      if (known >= 0) return known;
      const { width, height } = specs[which]!;
      const tensor = this.#pool!.takeInput(3 * width * height);
      const start = performance.now();
      this.#letterboxers[which]!.run(picture, view, tensor);
      meter.stage('letterbox').add(performance.now() - start);
      used.push(which);
      return request.inputs.push(tensor) - 1;
    };
    if (due.detect) request.detect = input(wanted.detect!);
    if (due.depth) {
      const { letterbox } = depth!.model.descriptor.input;
      const rect = depthRect(view, letterbox, depth!.model.descriptor.output.head);
      request.depth = { input: input(wanted.depth!), rect };
    }
    const { inputs, detections, depth: estimated, times } = await this.#pool!.run(request);
    for (const tensor of inputs) this.#pool!.giveInput(tensor);
    if (times.infer !== undefined) meter.stage('infer').add(times.infer);
    if (times.inferDepth !== undefined) meter.stage('infer-depth').add(times.inferDepth);
    meter.stage('postprocess').add(times.postprocess);
    const model = detect?.model.descriptor;
    return {
      depth: estimated,
      detections:
        detections && toDetections(detections, model!, letterboxGeometry(view, model!.input.letterbox), view),
    };
  }

  #foundDepth(shown: ShownDepth | null, isNew: boolean) {
    if (!shown) return null;
    const map = isNew && this.#stream.depth!.maps ? shown.map : null;
    return { stats: toDepthStats(shown.percentiles), map };
  }
}
