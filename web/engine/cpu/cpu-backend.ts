import type { Backend, FrameProcessor, StreamSpec } from '../backend/backend.ts';
import { classMaskOf } from '../backend/detections.ts';
import type { BackendSetup } from '../backend/select.ts';
import { leastScore } from '../track/following.ts';
import { InferencePool, poolLayout } from './inference-pool.ts';
import type { InferenceSetup } from './inference-worker.ts';
import { PlaneBuffers } from './planes.ts';
import { CpuProcessor } from './processor.ts';

/** Planar YUV in typed arrays, ORT's wasm in workers of its own. */
export class CpuBackend implements Backend {
  readonly name = 'cpu';
  readonly reason: string;
  readonly #setup: BackendSetup;
  /** That of the last stream, for the next one with the same models and options. */
  #pool: { of: string; pool: InferencePool } | null = null;
  readonly #buffers = new PlaneBuffers();

  constructor(reason: string, setup: BackendSetup) {
    this.reason = reason;
    this.#setup = setup;
  }

  async open(stream: StreamSpec): Promise<FrameProcessor> {
    const { detect, depth, boxes } = stream;
    if (!detect && !depth) return new CpuProcessor(stream, null, this.#buffers);
    const { ortBase, cores } = this.#setup;
    const { sessions, threads } = poolLayout(cores);
    const setup: InferenceSetup = {
      ort: { base: ortBase, threads },
      detect: detect && {
        model: detect.model,
        minScore: leastScore(detect.options, boxes),
        iou: detect.options.iou,
        classMask: classMaskOf(detect.model.descriptor, detect.options),
      },
      depth: depth && { model: depth.model },
    };
    return new CpuProcessor(stream, await this.#poolOf(sessions, setup), this.#buffers);
  }

  async close(): Promise<void> {
    this.#pool?.pool.close();
    this.#pool = null;
  }

  async #poolOf(sessions: number, setup: InferenceSetup): Promise<InferencePool> {
    const of = fingerprint(setup);
    if (this.#pool?.of === of && this.#pool.pool.isIdle) return this.#pool.pool;
    await this.close();
    const pool = await InferencePool.load(sessions, setup);
    this.#pool = { of, pool };
    return pool;
  }
}

/** The same of setups that do the same. */
function fingerprint({ detect, depth }: InferenceSetup): string {
  return JSON.stringify([
    detect && [
      detect.model.descriptor,
      detect.minScore,
      detect.iou,
      detect.classMask && [...detect.classMask],
    ],
    depth?.model.descriptor,
  ]);
}
