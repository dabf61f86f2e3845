import type { Tensor } from 'onnxruntime-web';
import {
  detectionsByteLength,
  letterboxGeometry,
  NmsGpu,
  type OverlayBoxes,
  readDetections,
  type View,
  YoloDecodeGpu,
} from '../../../kernels/index.ts';
import type { DetectModel } from '../../../models/descriptor.ts';
import type { Detection, DetectOptions } from '../../../protocol/index.ts';
import type { BoxMode } from '../backend/backend.ts';
import { MAX_CANDIDATES, MAX_DETECTIONS, toDetections } from '../backend/detections.ts';
import { leastScore } from '../track/following.ts';
import type { Gpu } from './gpu.ts';
import type { GpuModel, RawOutput } from './model.ts';
import { type ReadBack, StagingRing } from './staging-ring.ts';

/**
 * A fed picture to boxes, for one stream. Every buffer is there once, though several frames are on their way: the queue
 * carries their commands out in the order of the submits, so each frame must be through `run` and the submit of
 * `finish` before the next one is fed.
 */
export class Detector {
  /** The last boxes found, for the overlay: valid up to the submit of the next `finish`. */
  readonly boxes: OverlayBoxes;
  readonly #model: GpuModel<DetectModel>;
  readonly #tensor: Tensor;
  readonly #decode: YoloDecodeGpu;
  readonly #nms: NmsGpu;
  readonly #ring: StagingRing;

  /**
   * @param input the model's, as a `Feed` fills it.
   * @param classMask as `classMaskOf` gives it.
   */
  constructor(
    gpu: Gpu,
    model: GpuModel<DetectModel>,
    input: GPUBuffer,
    options: DetectOptions,
    boxes: BoxMode,
    classMask: Uint8Array | null,
  ) {
    const { device } = gpu;
    const { descriptor } = model;
    const minScore = leastScore(options, boxes);
    this.#model = model;
    this.#tensor = model.inputOver(input);
    this.#decode = new YoloDecodeGpu(device, descriptor.output.head, { minScore, classMask });
    this.#nms = new NmsGpu(device, this.#decode.candidates, {
      iou: options.iou,
      maxCandidates: MAX_CANDIDATES,
      maxDetections: MAX_DETECTIONS,
    });
    this.#ring = new StagingRing(gpu, detectionsByteLength(MAX_DETECTIONS));
    this.boxes = { detections: this.#nms.output, letterbox: descriptor.input.letterbox };
  }

  run(): Promise<RawOutput> {
    return this.#model.run(this.#tensor);
  }

  /** Adds all from the model's output to the boxes on their way back; read them after the submit. */
  finish(encoder: GPUCommandEncoder, raw: RawOutput): ReadBack {
    this.#decode.encode(encoder, raw.buffer);
    this.#nms.encode(encoder);
    return this.#ring.copy(encoder, this.#nms.output);
  }

  /** @param view of the frame that was fed. */
  async detections(read: ReadBack, view: View): Promise<Detection[]> {
    const { descriptor } = this.#model;
    const raw = await read(readDetections);
    return toDetections(raw, descriptor, letterboxGeometry(view, descriptor.input.letterbox), view);
  }

  destroy(): void {
    this.#ring.destroy();
    this.#nms.destroy();
    this.#decode.destroy();
    this.#tensor.dispose();
  }
}
