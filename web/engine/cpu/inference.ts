import { depthRect, LetterboxCpu, letterboxGeometry, type View } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { StreamSpec } from '../backend/backend.ts';
import { toDetections } from '../backend/detections.ts';
import type { Due } from '../backend/due.ts';
import { type Letterboxes, letterboxesOf } from '../backend/letterboxes.ts';
import type { EstimatedDepth } from '../depth/held-depth.ts';
import type { Meter } from '../pipeline/meter.ts';
import type { InferencePool } from './inference-pool.ts';
import type { InferenceRequest } from './inference-worker.ts';
import type { FramePlanes } from './planes.ts';

export interface Inferred {
  detections: Detection[] | null;
  depth: EstimatedDepth | null;
}

/** All models of one stream: every letterbox that is needed once, then the models in one worker. */
export class CpuInference {
  readonly pool: InferencePool;
  readonly #models: Pick<StreamSpec, 'detect' | 'depth'>;
  readonly #meter: Meter;
  readonly #letterboxes: Letterboxes;
  readonly #letterboxers: LetterboxCpu[];

  /** @param pool of these models, the backend's. */
  constructor(models: Pick<StreamSpec, 'detect' | 'depth'>, meter: Meter, pool: InferencePool) {
    this.pool = pool;
    this.#models = models;
    this.#meter = meter;
    this.#letterboxes = letterboxesOf(models);
    this.#letterboxers = this.#letterboxes.specs.map((spec) => new LetterboxCpu(spec));
  }

  /** The picture is read before this returns, and may be drawn on from then on. */
  async run({ picture }: FramePlanes, view: View, due: Due): Promise<Inferred> {
    const { detect, depth } = this.#models;
    const { specs, ...wanted } = this.#letterboxes;
    const meter = this.#meter;
    const request: InferenceRequest = { inputs: [], detect: null, depth: null };
    const used: number[] = [];
    const input = (which: number): number => {
      const known = used.indexOf(which);
      if (known >= 0) return known;
      const { width, height } = specs[which]!;
      const tensor = this.pool.takeInput(3 * width * height);
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
    const { inputs, detections, depth: estimated, times } = await this.pool.run(request);
    for (const tensor of inputs) this.pool.giveInput(tensor);
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
}
