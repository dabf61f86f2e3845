import type { Backend } from '../backend/backend.ts';
import type { EngineHost } from '../host.ts';

export class WebGpuBackend {
  static async create(_adapter: GPUAdapter, _host: EngineHost, _ortBase: string): Promise<Backend> {
    throw new Error('being written');
  }
}
