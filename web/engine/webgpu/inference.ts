import type { View } from '../../../kernels/index.ts';
import type { DepthModel, DetectModel } from '../../../models/descriptor.ts';
import type { StreamSpec } from '../backend/backend.ts';
import { classMaskOf } from '../backend/detections.ts';
import type { Due } from '../backend/due.ts';
import { letterboxesOf } from '../backend/letterboxes.ts';
import { rangeStep } from '../depth/held-depth.ts';
import type { Meter } from '../pipeline/meter.ts';
import { DepthEstimator, type SubmittedDepth } from './depth-estimator.ts';
import { Detector } from './detector.ts';
import { Feed } from './feed.ts';
import type { Gpu } from './gpu.ts';
import type { GpuModel } from './model.ts';
import type { ReadBack } from './staging-ring.ts';

/** What is inferred of a stream. */
export type InferenceSpec = Pick<StreamSpec, 'detect' | 'depth' | 'boxes' | 'fps'>;

/** A frame whose models have run. */
export interface Inferred {
  /** Adds what reads the models' answers; within `using`. */
  finish(encoder: GPUCommandEncoder): { boxes: ReadBack | null; depth: SubmittedDepth | null };
  /** Lets `submit` finish and submit; the answers are gone when it returns. */
  using<T>(submit: () => T): T;
}

/** Of a frame that is only drawn. */
export const NOTHING_INFERRED: Inferred = {
  finish: () => ({ boxes: null, depth: null }),
  using: (submit) => submit(),
};

/** All models of one stream: one import of the frame, one letterbox pass for all that want the same picture. */
export class Inference {
  readonly detector: Detector | null;
  readonly estimator: DepthEstimator | null;
  readonly #gpu: Gpu;
  readonly #feeds: Feed[];
  readonly #feedOf: { detect: number | null; depth: number | null };

  /** @throws {EdgeRunnerError} `option-invalid` for a class that the model does not know. */
  constructor(
    gpu: Gpu,
    stream: InferenceSpec,
    detectModel: GpuModel<DetectModel> | null,
    depthModel: GpuModel<DepthModel> | null,
  ) {
    const { specs, ...feedOf } = letterboxesOf(stream);
    const { detect, depth, boxes, fps } = stream;
    // What may be refused, before there are buffers that somebody would have to release.
    const classMask = detect && classMaskOf(detect.model.descriptor, detect.options);
    this.#gpu = gpu;
    this.#feedOf = feedOf;
    this.#feeds = specs.map((spec) => new Feed(gpu, spec));
    const input = (which: number | null) => this.#feeds[which!]!.buffer;
    this.detector =
      detectModel && new Detector(gpu, detectModel, input(feedOf.detect), detect!.options, boxes, classMask);
    this.estimator =
      depthModel &&
      new DepthEstimator(gpu, depthModel, input(feedOf.depth), {
        step: rangeStep(depth!.options.every, fps),
        maps: depth!.maps,
      });
  }

  /**
   * Submits the frame's way through the models that are due.
   * @param fed called when the frame itself is no longer needed; null when it is drawn later.
   */
  async run(
    source: GPUExternalTexture,
    view: View,
    due: Due,
    meter: Meter,
    fed: (() => void) | null,
  ): Promise<Inferred> {
    const start = performance.now();
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'letterbox' });
    const used = new Set([due.detect && this.#feedOf.detect, due.depth && this.#feedOf.depth]);
    this.#feeds.forEach((feed, i) => {
      if (used.has(i)) feed.encode(encoder, source, view);
    });
    this.#gpu.device.queue.submit([encoder.finish()]);
    fed?.();
    meter.stage('import').add(performance.now() - start);
    const boxes = due.detect ? await meter.stage('infer').time(() => this.detector!.run()) : null;
    const map = due.depth
      ? await meter
          .stage('infer-depth')
          .time(() => this.estimator!.run())
          .catch((error: unknown) => {
            boxes?.dispose();
            throw error;
          })
      : null;
    return {
      finish: (encoder) => ({
        boxes: boxes && this.detector!.finish(encoder, boxes),
        depth: map && this.estimator!.finish(encoder, map, view),
      }),
      using: (submit) => {
        try {
          return submit();
        } finally {
          boxes?.dispose();
          map?.dispose();
        }
      },
    };
  }

  destroy(): void {
    this.detector?.destroy();
    this.estimator?.destroy();
    for (const feed of this.#feeds) feed.destroy();
  }
}
