import type { Tensor } from 'onnxruntime-web';
import {
  BufferUsage,
  detectionsByteLength,
  LetterboxGpu,
  letterboxGeometry,
  NmsGpu,
  type OverlayBoxes,
  readDetections,
  type View,
  YoloDecodeGpu,
} from '../../../kernels/index.ts';
import type { Detection, DetectOptions } from '../../../protocol/index.ts';
import { classMaskOf, MAX_CANDIDATES, MAX_DETECTIONS, toDetections } from '../backend/detections.ts';
import { leastScore } from '../track/following.ts';
import type { Gpu } from './gpu.ts';
import type { GpuModel, RawOutput } from './model.ts';
import { type ReadBack, StagingRing } from './staging-ring.ts';

/**
 * Frame to boxes for one stream. Every buffer is there once, though several frames are on their way: the queue
 * carries their commands out in the order of the submits, so each frame must be through `feed`, `run` and the submit
 * of `finish` before the next one is fed.
 */
export class Detector {
  /** The last boxes found, for the overlay: valid up to the submit of the next `finish`. */
  readonly boxes: OverlayBoxes;
  readonly #gpu: Gpu;
  readonly #model: GpuModel;
  readonly #input: GPUBuffer;
  readonly #tensor: Tensor;
  readonly #letterbox: LetterboxGpu;
  readonly #decode: YoloDecodeGpu;
  readonly #nms: NmsGpu;
  readonly #ring: StagingRing;

  /** @throws {EdgeRunnerError} `option-invalid` for a class that the model does not know. */
  constructor(gpu: Gpu, model: GpuModel, options: DetectOptions, tracked: boolean) {
    const { device } = gpu;
    const { descriptor } = model;
    const { width, height, letterbox } = descriptor.input;
    const { iou } = options;
    const minScore = leastScore(options, tracked);
    const classMask = classMaskOf(descriptor, options);
    this.#gpu = gpu;
    this.#model = model;
    this.#input = device.createBuffer({
      label: 'model input',
      size: 4 * 3 * width * height,
      // COPY_* are onnxruntime's own demand.
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    this.#tensor = model.inputOver(this.#input);
    this.#letterbox = new LetterboxGpu(device, letterbox);
    this.#decode = new YoloDecodeGpu(device, descriptor.output.head, { minScore, classMask });
    this.#nms = new NmsGpu(device, this.#decode.candidates, {
      iou,
      maxCandidates: MAX_CANDIDATES,
      maxDetections: MAX_DETECTIONS,
    });
    this.#ring = new StagingRing(gpu, detectionsByteLength(MAX_DETECTIONS));
    this.boxes = { detections: this.#nms.output, letterbox };
  }

  /** Submits the frame's way into the model's input; the frame is not needed after that. */
  feed(source: GPUExternalTexture, view: View): void {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'letterbox' });
    this.#letterbox.encode(encoder, source, view, this.#input);
    this.#gpu.device.queue.submit([encoder.finish()]);
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
    this.#letterbox.destroy();
    this.#tensor.dispose();
    this.#input.destroy();
  }
}
