import type * as Ort from 'onnxruntime-web';
import type { DetectModel } from '../../../models/descriptor.ts';

type Question =
  | { bytes: ArrayBuffer; ort: string; model: DetectModel }
  | { tensor: Float32Array<ArrayBuffer> };

let ort: typeof Ort;
let session: Ort.InferenceSession;
let model: DetectModel;

/** onnxruntime for the best page: the build with JSPI, or the plain one; a thread for each core. */
self.onmessage = async ({ data }: MessageEvent<Question>) => {
  if ('bytes' in data) {
    ort = await ('Suspending' in WebAssembly
      ? import('onnxruntime-web/jspi')
      : import('onnxruntime-web/wasm'));
    ort.env.wasm.wasmPaths = data.ort;
    ort.env.wasm.numThreads = navigator.hardwareConcurrency;
    model = data.model;
    session = await ort.InferenceSession.create(data.bytes, { executionProviders: ['wasm'] });
    self.postMessage('ready');
    return;
  }
  const { tensor } = data;
  const { width, height, name } = model.input;
  const outputs = await session.run({ [name]: new ort.Tensor('float32', tensor, [1, 3, height, width]) });
  const raw = outputs[model.output.name]!.data as Float32Array<ArrayBuffer>;
  self.postMessage({ raw, tensor }, { transfer: [tensor.buffer] });
};
