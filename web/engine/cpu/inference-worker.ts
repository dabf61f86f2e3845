import type { InferenceSession } from 'onnxruntime-web';
import {
  cropDepth,
  type DepthRect,
  decodeYoloCpu,
  depthPercentilesCpu,
  nmsCpu,
} from '../../../kernels/index.ts';
import type { DepthModel, DetectModel } from '../../../models/descriptor.ts';
import { EdgeRunnerError, type ErrorRecord } from '../../../protocol/index.ts';
import { checkDepthOutput } from '../backend/depth.ts';
import {
  checkDetections,
  MAX_CANDIDATES,
  MAX_DETECTIONS,
  type RawDetections,
} from '../backend/detections.ts';
import { createSession, loadOrt, type OrtModule, type OrtSetup } from '../backend/ort.ts';
import type { EstimatedDepth } from '../depth/held-depth.ts';
import type { LoadedModel } from '../host.ts';

/** One model for each thing that is asked, or none. */
export interface InferenceSetup {
  ort: OrtSetup;
  detect: {
    model: LoadedModel<DetectModel>;
    minScore: number;
    iou: number;
    classMask: Uint8Array | null;
  } | null;
  depth: { model: LoadedModel<DepthModel> } | null;
}

/** A model's input: float32 [3, height, width]. It comes back with the answer. */
export type ModelInput = Float32Array<ArrayBuffer>;

/** What is asked of one frame. */
export interface InferenceRequest {
  /** The distinct inputs: two models that want the same picture share one. */
  inputs: ModelInput[];
  /** Index of the input. */
  detect: number | null;
  depth: { input: number; rect: DepthRect } | null;
}

export interface InferenceAnswer {
  inputs: ModelInput[];
  detections: RawDetections | null;
  depth: EstimatedDepth | null;
  /** Milliseconds by stage. */
  times: { infer?: number; inferDepth?: number; postprocess: number };
}

export type WorkerRequest = ({ type: 'load' } & InferenceSetup) | ({ type: 'run' } & InferenceRequest);

export type WorkerReply =
  | { type: 'loaded' }
  | ({ type: 'ran' } & InferenceAnswer)
  | { type: 'error'; error: ErrorRecord };

let ort: OrtModule;
let setup: InferenceSetup;
let detector: InferenceSession | null = null;
let estimator: InferenceSession | null = null;

/** The models of one stream in one worker: requests come one at a time, each gets one reply. */
self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    if (data.type === 'load') await load(data);
    else await run(data);
  } catch (error) {
    reply({ type: 'error', error: EdgeRunnerError.from(error).toRecord() });
  }
};

async function load(request: InferenceSetup): Promise<void> {
  setup = request;
  ort = await loadOrt('cpu', request.ort);
  detector = request.detect && (await sessionOf(request.detect.model));
  estimator = request.depth && (await sessionOf(request.depth.model));
  reply({ type: 'loaded' });
}

const sessionOf = ({ descriptor, bytes }: LoadedModel) =>
  createSession(ort, descriptor.name, bytes, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });

async function run({ inputs, detect, depth }: InferenceRequest): Promise<void> {
  const times: InferenceAnswer['times'] = { postprocess: 0 };
  const transfer: Transferable[] = inputs.map(({ buffer }) => buffer);
  let detections: RawDetections | null = null;
  if (detect !== null) {
    const { model, ...options } = setup.detect!;
    times.infer = await inferred(detector!, model.descriptor, inputs[detect]!, (outputs) => {
      const raw = checkDetections(outputs[model.descriptor.output.name], model.descriptor).data;
      const start = performance.now();
      detections = bestOf(raw as Float32Array, model.descriptor, options);
      times.postprocess += performance.now() - start;
    });
    const { boxes, scores, classes } = detections!;
    transfer.push(boxes.buffer as ArrayBuffer, scores.buffer as ArrayBuffer, classes.buffer as ArrayBuffer);
  }
  let estimated: EstimatedDepth | null = null;
  if (depth) {
    const { descriptor } = setup.depth!.model;
    times.inferDepth = await inferred(estimator!, descriptor, inputs[depth.input]!, (outputs) => {
      const { data } = checkDepthOutput(outputs[descriptor.output.name], descriptor);
      const start = performance.now();
      const { width, height } = descriptor.output.head;
      const map = cropDepth({ values: data as Float32Array<ArrayBuffer>, width, height }, depth.rect);
      estimated = { map, percentiles: depthPercentilesCpu(map) };
      times.postprocess += performance.now() - start;
      transfer.push(map.values.buffer);
    });
  }
  reply({ type: 'ran', inputs, detections, depth: estimated, times }, transfer);
}

/** @returns milliseconds that the model itself took. */
async function inferred(
  session: InferenceSession,
  { input }: DetectModel | DepthModel,
  values: ModelInput,
  read: (outputs: InferenceSession.OnnxValueMapType) => void,
): Promise<number> {
  const start = performance.now();
  const tensor = new ort.Tensor('float32', values, [1, 3, input.height, input.width]);
  const outputs = await session.run({ [input.name]: tensor });
  const took = performance.now() - start;
  try {
    read(outputs);
  } finally {
    for (const output of Object.values(outputs)) output.dispose();
  }
  return took;
}

function bestOf(
  raw: Float32Array,
  { output }: DetectModel,
  { minScore, iou, classMask }: { minScore: number; iou: number; classMask: Uint8Array | null },
): RawDetections {
  const candidates = decodeYoloCpu(raw, output.head, { minScore, classMask });
  const kept = nmsCpu(candidates, { iou, maxCandidates: MAX_CANDIDATES, maxDetections: MAX_DETECTIONS });
  const boxes = new Float32Array(kept.length * 4);
  const scores = new Float32Array(kept.length);
  const classes = new Int32Array(kept.length);
  kept.forEach((from, to) => {
    boxes.set(candidates.boxes.subarray(from * 4, from * 4 + 4), to * 4);
    scores[to] = candidates.scores[from]!;
    classes[to] = candidates.classes[from]!;
  });
  return { boxes, scores, classes };
}

function reply(message: WorkerReply, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}
