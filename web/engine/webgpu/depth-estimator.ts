import type { Tensor } from 'onnxruntime-web';
import {
  cropDepth,
  DEPTH_RANGE_BYTES,
  DepthRangeGpu,
  depthRect,
  readDepthRange,
  type View,
} from '../../../kernels/index.ts';
import type { DepthModel } from '../../../models/descriptor.ts';
import { type FoundDepth, toDepthStats } from '../backend/depth.ts';
import { type DepthShot, DepthShots } from './depth-shots.ts';
import type { Gpu } from './gpu.ts';
import type { GpuModel, RawOutput } from './model.ts';
import { type ReadBack, StagingRing } from './staging-ring.ts';

export interface EstimatorOptions {
  /** See `smoothRange`. */
  step: number;
  /** Whether the maps are wanted back on the CPU. */
  maps: boolean;
}

/** What a frame's depth commands will yield. */
export interface SubmittedDepth {
  /** Owned by the caller. */
  shot: DepthShot;
  range: ReadBack;
  map: ReadBack | null;
}

/** A fed picture to depth, for one stream; frames go through one after another, as they do through `Detector`. */
export class DepthEstimator {
  readonly #model: GpuModel<DepthModel>;
  readonly #tensor: Tensor;
  readonly #range: DepthRangeGpu;
  readonly #shots: DepthShots;
  readonly #ranges: StagingRing;
  readonly #maps: StagingRing | null;

  /** @param input the model's, as a `Feed` fills it. */
  constructor(gpu: Gpu, model: GpuModel<DepthModel>, input: GPUBuffer, { step, maps }: EstimatorOptions) {
    const { width, height, larger } = model.descriptor.output.head;
    this.#model = model;
    this.#tensor = model.inputOver(input);
    this.#range = new DepthRangeGpu(gpu.device, { width, height, larger, step });
    this.#shots = new DepthShots(gpu, 4 * width * height);
    this.#ranges = new StagingRing(gpu, DEPTH_RANGE_BYTES);
    this.#maps = maps ? new StagingRing(gpu, 4 * width * height) : null;
  }

  run(): Promise<RawOutput> {
    return this.#model.run(this.#tensor);
  }

  /** Adds all from the model's output to the shares that are drawn; read back after the submit. */
  finish(encoder: GPUCommandEncoder, raw: RawOutput, view: View): SubmittedDepth {
    const rect = this.#rectOf(view);
    const shot = this.#shots.take(rect);
    this.#range.encode(encoder, raw.buffer, rect, shot.map.shares);
    return {
      shot,
      range: this.#ranges.copy(encoder, this.#range.output),
      map: this.#maps?.copy(encoder, raw.buffer) ?? null,
    };
  }

  /** @param view of the frame that was fed. */
  async found({ range, map }: SubmittedDepth, view: View): Promise<FoundDepth> {
    const { width, height } = this.#model.descriptor.output.head;
    const [percentiles, part] = await Promise.all([
      range(readDepthRange),
      map?.((mapped) => cropDepth({ values: new Float32Array(mapped), width, height }, this.#rectOf(view))) ??
        null,
    ]);
    return { stats: toDepthStats(percentiles), map: part };
  }

  destroy(): void {
    this.#maps?.destroy();
    this.#ranges.destroy();
    this.#shots.destroy();
    this.#range.destroy();
    this.#tensor.dispose();
  }

  #rectOf(view: View) {
    const { input, output } = this.#model.descriptor;
    return depthRect(view, input.letterbox, output.head);
  }
}
