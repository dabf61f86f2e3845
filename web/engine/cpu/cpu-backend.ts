import {
  LetterboxCpu,
  labelOf,
  letterboxGeometry,
  OverlayCpu,
  type OverlayItem,
  UPRIGHT,
  type View,
} from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { Backend, FrameInput, FrameProcessor, Processed, StreamSpec } from '../backend/backend.ts';
import { classMaskOf, toDetections } from '../backend/detections.ts';
import { isEncodable } from '../backend/frame-format.ts';
import { Following, leastScore } from '../track/following.ts';
import { InferencePool, poolLayout } from './inference-pool.ts';
import { copyPlanes, type FramePlanes, frameOver, likeOf, toUprightI420 } from './planes.ts';

/** Planar YUV in typed arrays, ORT's wasm in workers of its own (DESIGN §4, cpu). */
export class CpuBackend implements Backend {
  readonly name = 'cpu';
  readonly reason: string;
  readonly #ortBase: string;
  #pools: InferencePool[] = [];

  /** @param ortBase address of the folder that holds onnxruntime-web's wasm files. */
  constructor(reason: string, ortBase: string) {
    this.reason = reason;
    this.#ortBase = ortBase;
  }

  async open(stream: StreamSpec): Promise<FrameProcessor> {
    if (!stream.detect) return new CpuProcessor(stream, null);
    const { model, options } = stream.detect;
    const { sessions, threads } = poolLayout(navigator.hardwareConcurrency);
    const pool = await InferencePool.load(sessions, {
      ort: { base: this.#ortBase, threads },
      descriptor: model.descriptor,
      bytes: model.bytes,
      minScore: leastScore(options, stream.trackedFps !== null),
      iou: options.iou,
      classMask: classMaskOf(model.descriptor, options),
    });
    this.#pools.push(pool);
    return new CpuProcessor(stream, pool);
  }

  async close(): Promise<void> {
    for (const pool of this.#pools.splice(0)) pool.close();
  }
}

class CpuProcessor implements FrameProcessor {
  readonly depth: number;
  readonly #stream: StreamSpec;
  readonly #pool: InferencePool | null;
  readonly #letterbox: LetterboxCpu | null;
  /** Input tensors that are not in a worker now. */
  #inputs: Float32Array<ArrayBuffer>[] = [];
  readonly #following: Following | null;
  /** Whether a frame has been inferred, so that those between have something to show. */
  #begun = false;
  #overlay: { width: number; height: number; painter: OverlayCpu } | null = null;

  constructor(stream: StreamSpec, pool: InferencePool | null) {
    this.#stream = stream;
    this.#pool = pool;
    this.#letterbox = stream.detect ? new LetterboxCpu(stream.detect.model.descriptor.input.letterbox) : null;
    this.#following = stream.detect && new Following(stream.detect.options, stream.trackedFps);
    // One frame for each session, one being prepared or drawn.
    this.depth = (pool?.size ?? 1) + 1;
  }

  async process({ frame, index, view }: FrameInput): Promise<Processed> {
    const { ledger, meter, detect, picture } = this.#stream;
    const infer = detect !== null && (index % detect.options.every === 0 || !this.#begun);
    this.#begun = true;
    const like = likeOf(frame);
    const needsPlanes = infer || picture === 'drawn' || (picture === 'as-is' && !isEncodable(frame));
    const copying = needsPlanes ? meter.stage('copy').time(() => copyPlanes(frame)) : null;
    const inferred = infer ? copying!.then((copied) => this.#infer(copied, view)) : null;
    // Asked before the first await, so that frames come in their order.
    const found = this.#following?.next(inferred) ?? null;
    let kept: VideoFrame | null = frame;
    try {
      const planes = await copying;
      if (planes && (picture !== 'as-is' || !isEncodable(frame))) {
        ledger.close(frame);
        kept = null;
      }
      const detections = await found;
      if (picture === 'none') {
        if (kept) ledger.close(kept);
        return { frame: null, detections };
      }
      if (kept) return { frame: kept, detections };
      if (!planes) throw new Error('a frame was closed without its planes');
      return { frame: ledger.own(frameOver(this.#draw(planes, detections, view), like)), detections };
    } catch (error) {
      if (kept) ledger.close(kept);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#pool?.close();
  }

  async #infer({ picture }: FramePlanes, view: View): Promise<Detection[]> {
    const { detect, meter } = this.#stream;
    const { descriptor } = detect!.model;
    const { letterbox } = descriptor.input;
    const input = this.#inputs.pop() ?? new Float32Array(3 * letterbox.width * letterbox.height);
    const start = performance.now();
    this.#letterbox!.run(picture, view, input);
    meter.stage('letterbox').add(performance.now() - start);
    const result = await this.#pool!.run(input);
    this.#inputs.push(result.input);
    meter.stage('infer').add(result.inferMs);
    meter.stage('postprocess').add(result.postMs);
    return toDetections(result.detections, descriptor, letterboxGeometry(view, letterbox), view);
  }

  /** Upright I420 with the detections drawn in, when they are wanted. */
  #draw(planes: FramePlanes, detections: Detection[] | null, view: View): FramePlanes {
    const { picture: wanted, meter } = this.#stream;
    const start = performance.now();
    const drawn = wanted === 'drawn';
    const target = toUprightI420(planes, drawn ? view.orientation : UPRIGHT);
    if (drawn && detections) {
      const { width, height } = target.picture;
      const items = overlayItems(detections, width / view.displayWidth, height / view.displayHeight);
      this.#overlayFor(width, height).draw(target.picture, items);
    }
    meter.stage('draw').add(performance.now() - start);
    return target;
  }

  #overlayFor(width: number, height: number): OverlayCpu {
    if (this.#overlay?.width !== width || this.#overlay.height !== height) {
      this.#overlay = { width, height, painter: new OverlayCpu(width, height) };
    }
    return this.#overlay.painter;
  }
}

/** Detections as items to draw, in pixels of the picture, the best last so that it lies on top. */
export function overlayItems(detections: Detection[], scaleX: number, scaleY: number): OverlayItem[] {
  return detections
    .map(
      ({ box: [x, y, width, height], id, class: name, score }): OverlayItem => ({
        box: [x * scaleX, y * scaleY, width * scaleX, height * scaleY],
        classId: id,
        label: labelOf(name, score),
      }),
    )
    .reverse();
}
