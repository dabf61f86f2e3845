import type { Backend, FrameProcessor, StreamSpec } from '../backend/backend.ts';
import { classMaskOf } from '../backend/detections.ts';
import type { BackendSetup } from '../backend/select.ts';
import { leastScore } from '../track/following.ts';
import { InferencePool, poolLayout } from './inference-pool.ts';
import { CpuProcessor } from './processor.ts';

/** Planar YUV in typed arrays, ORT's wasm in workers of its own. */
export class CpuBackend implements Backend {
  readonly name = 'cpu';
  readonly reason: string;
  readonly #setup: BackendSetup;
  #pools: InferencePool[] = [];

  constructor(reason: string, setup: BackendSetup) {
    this.reason = reason;
    this.#setup = setup;
  }

  async open(stream: StreamSpec): Promise<FrameProcessor> {
    const { detect, depth, boxes } = stream;
    if (!detect && !depth) return new CpuProcessor(stream, null);
    const { ortBase, cores } = this.#setup;
    const { sessions, threads } = poolLayout(cores);
    const pool = await InferencePool.load(sessions, {
      ort: { base: ortBase, threads },
      detect: detect && {
        model: detect.model,
        minScore: leastScore(detect.options, boxes),
        iou: detect.options.iou,
        classMask: classMaskOf(detect.model.descriptor, detect.options),
      },
      depth: depth && { model: depth.model },
    });
    this.#pools.push(pool);
    return new CpuProcessor(stream, pool);
  }

  async close(): Promise<void> {
    for (const pool of this.#pools.splice(0)) pool.close();
  }
}
