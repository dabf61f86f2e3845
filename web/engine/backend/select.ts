import { type BackendChoice, EdgeRunnerError } from '../../../protocol/index.ts';
import { CpuBackend } from '../cpu/cpu-backend.ts';
import type { EngineHost } from '../host.ts';
import type { Backend } from './backend.ts';

/** What a backend is given of its surroundings. */
export interface BackendSetup {
  /** Address of the folder that holds onnxruntime-web's wasm files, with a slash at the end. */
  ortBase: string;
  /** How many of the machine's cores are its own to fill. */
  cores: number;
}

/**
 * `auto` takes `webgpu` on a real adapter and `cpu` otherwise; a software adapter counts as none unless `webgpu` is
 * asked for by name.
 * @throws {EdgeRunnerError} `no-gpu` when `webgpu` is asked for and the browser has no adapter at all.
 */
export async function selectBackend(
  choice: BackendChoice,
  needsInference: boolean,
  host: Pick<EngineHost, 'log'>,
  setup: BackendSetup,
): Promise<Backend> {
  if (choice === 'cpu') return new CpuBackend('asked for', setup);
  if (!needsInference && choice === 'auto') return new CpuBackend('no stage needs a GPU', setup);
  const adapter =
    'gpu' in navigator ? await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }) : null;
  if (choice === 'auto') {
    if (!adapter) return new CpuBackend('no WebGPU adapter', setup);
    if (adapter.info.isFallbackAdapter)
      return new CpuBackend(`the only adapter is software (${adapter.info.architecture})`, setup);
  }
  if (!adapter) {
    throw new EdgeRunnerError(
      'no-gpu',
      'The browser offers no WebGPU adapter, not even a software one.',
      'Take the cpu backend, or auto; "edge-runner doctor" on this machine says why there is none.',
    );
  }
  const { WebGpuBackend } = await import('../webgpu/webgpu-backend.ts');
  if (adapter.info.isFallbackAdapter) {
    host.log(
      `warning: the WebGPU adapter is software (${adapter.info.architecture}): right, but slow; the cpu backend is faster here`,
    );
  }
  return WebGpuBackend.create(adapter, setup.ortBase);
}
