import type { Backend, FrameProcessor, StreamSpec } from '../backend/backend.ts';
import { classMaskOf } from '../backend/detections.ts';
import { inferredOf, type LiveSpec, type LiveStages } from '../backend/live.ts';
import type { BackendSetup } from '../backend/select.ts';
import { leastScore } from '../track/following.ts';
import { InferencePool, livePoolLayout, type PoolLayout, poolLayout } from './inference-pool.ts';
import type { InferenceSetup } from './inference-worker.ts';
import { CpuLiveStages } from './live.ts';
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
    const pool = await this.#poolFor(stream, poolLayout(this.#setup.cores), ({ isIdle }) => isIdle);
    return new CpuProcessor(stream, pool, this.#buffers);
  }

  async openLive(spec: LiveSpec): Promise<LiveStages> {
    // What shows a picture now may be at work: the look after its last one waits for that.
    const layout = livePoolLayout(this.#setup.cores);
    const pool = await this.#poolFor(inferredOf(spec), layout, ({ isOpen }) => isOpen);
    return new CpuLiveStages(spec, pool, this.#buffers);
  }

  async close(): Promise<void> {
    this.#pool?.pool.close();
    this.#pool = null;
  }

  /**
   * @param serves whether a pool with the same models can be taken as it is.
   * @returns null when nothing is inferred.
   */
  async #poolFor(
    { detect, depth, boxes }: Pick<StreamSpec, 'detect' | 'depth' | 'boxes'>,
    { sessions, threads }: PoolLayout,
    serves: (pool: InferencePool) => boolean,
  ): Promise<InferencePool | null> {
    if (!detect && !depth) return null;
    const setup: InferenceSetup = {
      ort: { base: this.#setup.ortBase, threads },
      detect: detect && {
        model: detect.model,
        minScore: leastScore(detect.options, boxes),
        iou: detect.options.iou,
        classMask: classMaskOf(detect.model.descriptor, detect.options),
      },
      depth: depth && { model: depth.model },
    };
    const of = fingerprint(sessions, setup);
    if (this.#pool?.of === of && serves(this.#pool.pool)) return this.#pool.pool;
    await this.close();
    const pool = await InferencePool.load(sessions, setup);
    this.#pool = { of, pool };
    return pool;
  }
}

/** The same of setups that do the same. */
function fingerprint(sessions: number, { ort, detect, depth }: InferenceSetup): string {
  return JSON.stringify([
    sessions,
    ort.threads,
    detect && [
      detect.model.descriptor,
      detect.minScore,
      detect.iou,
      detect.classMask && [...detect.classMask],
    ],
    depth?.model.descriptor,
  ]);
}
