import type { InferenceSession } from 'onnxruntime-web';
import { decodeYoloCpu, nmsCpu } from '../../../kernels/index.ts';
import type { ModelDescriptor } from '../../../models/descriptor.ts';
import { EdgeRunnerError, type ErrorRecord } from '../../../protocol/index.ts';
import { checkOutput, MAX_CANDIDATES, MAX_DETECTIONS, type RawDetections } from '../backend/detections.ts';
import { createSession, loadOrt, type OrtModule, type OrtSetup } from '../backend/ort.ts';

export interface LoadRequest {
  type: 'load';
  ort: OrtSetup;
  descriptor: ModelDescriptor;
  bytes: ArrayBuffer;
  minScore: number;
  iou: number;
  classMask: Uint8Array | null;
}

export interface RunRequest {
  type: 'run';
  /** The model's input, [1, 3, height, width]; it comes back with the answer. */
  input: Float32Array<ArrayBuffer>;
}

export type InferenceReply =
  | { type: 'loaded' }
  | {
      type: 'ran';
      input: Float32Array<ArrayBuffer>;
      detections: RawDetections;
      inferMs: number;
      postMs: number;
    }
  | { type: 'error'; error: ErrorRecord };

let ort: OrtModule;
let session: InferenceSession;
let loaded: LoadRequest;

/** One model in one worker: requests come one at a time, each gets one reply. */
self.onmessage = async ({ data }: MessageEvent<LoadRequest | RunRequest>) => {
  try {
    if (data.type === 'load') await load(data);
    else await run(data);
  } catch (error) {
    reply({ type: 'error', error: EdgeRunnerError.from(error).toRecord() });
  }
};

async function load(request: LoadRequest): Promise<void> {
  loaded = request;
  ort = await loadOrt('cpu', request.ort);
  session = await createSession(ort, request.descriptor.name, request.bytes, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  reply({ type: 'loaded' });
}

async function run({ input }: RunRequest): Promise<void> {
  const { descriptor, minScore, iou, classMask } = loaded;
  const start = performance.now();
  const tensor = new ort.Tensor('float32', input, [1, 3, descriptor.input.height, descriptor.input.width]);
  const results = await session.run({ [descriptor.input.name]: tensor });
  const inferred = performance.now();
  const raw = checkOutput(results[descriptor.output.name], descriptor).data as Float32Array;
  const candidates = decodeYoloCpu(raw, descriptor.output.head, { minScore, classMask });
  const kept = nmsCpu(candidates, { iou, maxCandidates: MAX_CANDIDATES, maxDetections: MAX_DETECTIONS });
  const boxes = new Float32Array(kept.length * 4);
  const scores = new Float32Array(kept.length);
  const classes = new Int32Array(kept.length);
  kept.forEach((from, to) => {
    boxes.set(candidates.boxes.subarray(from * 4, from * 4 + 4), to * 4);
    scores[to] = candidates.scores[from]!;
    classes[to] = candidates.classes[from]!;
  });
  for (const output of Object.values(results)) output.dispose();
  const done = performance.now();
  reply(
    {
      type: 'ran',
      input,
      detections: { boxes, scores, classes },
      inferMs: inferred - start,
      postMs: done - inferred,
    },
    [input.buffer, boxes.buffer, scores.buffer, classes.buffer],
  );
}

function reply(message: InferenceReply, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}
