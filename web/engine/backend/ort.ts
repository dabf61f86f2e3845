import type * as Ort from 'onnxruntime-web';
import { type BackendName, EdgeRunnerError } from '../../../protocol/index.ts';

export type OrtModule = typeof Ort;

/** Where the wasm files of onnxruntime-web are served, and how many threads a session may use. */
export interface OrtSetup {
  /** Address of the folder that holds `ort-wasm-simd-threaded.*`, with a slash at the end. */
  base: string;
  threads: number;
}

/**
 * The build of onnxruntime-web that is fastest here: the JSPI one where the browser suspends wasm stacks itself; without
 * it the plain one for `cpu` (half the time of the asyncify one) and the asyncify one for `webgpu`.
 */
export async function loadOrt(backend: BackendName, { base, threads }: OrtSetup): Promise<OrtModule> {
  const ort = await importBuild(backend);
  ort.env.wasm.wasmPaths = base;
  ort.env.wasm.numThreads = threads;
  // Each session runs in a worker of ours already; another would only add a copy.
  ort.env.wasm.proxy = false;
  ort.env.logLevel = 'error';
  return ort;
}

function importBuild(backend: BackendName): Promise<OrtModule> {
  if ('Suspending' in WebAssembly) return import('onnxruntime-web/jspi');
  return backend === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm');
}

/** @throws {EdgeRunnerError} `model-invalid` when ORT cannot load the model. */
export async function createSession(
  ort: OrtModule,
  name: string,
  bytes: ArrayBuffer,
  options: Ort.InferenceSession.SessionOptions,
): Promise<Ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(bytes, options);
  } catch (error) {
    throw new EdgeRunnerError(
      'model-invalid',
      `onnxruntime cannot load the model ${name}: ${error instanceof Error ? error.message : error}`,
      'Get the file again, or export the model anew with standard ONNX operators.',
      { cause: error },
    );
  }
}
