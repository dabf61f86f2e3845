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
    const setup = this.#setupOf(stream, poolLayout(this.#setup.cores));
    const pool =
      setup &&
      (await this.#poolFor(
        setup,
        ({ isIdle }) => isIdle,
        () => this.close(),
      ));
    return new CpuProcessor(stream, pool, this.#buffers);
  }

  async openLive(spec: LiveSpec): Promise<LiveStages> {
    // What shows a picture now may be at work: the look after its last one waits for that.
    const layout = livePoolLayout(this.#setup.cores);
    const setup = this.#setupOf(inferredOf(spec), layout);
    const pool = setup && (await this.#poolFor(setup, ({ isOpen }) => isOpen));
    return new CpuLiveStages(spec, pool, this.#buffers);
  }

  async close(): Promise<void> {
    this.#pool?.pool.close();
    this.#pool = null;
  }

  /** @returns null when nothing is inferred. */
  #setupOf(
    { detect, depth, boxes }: Pick<StreamSpec, 'detect' | 'depth' | 'boxes'>,
    { sessions, threads }: PoolLayout,
  ): PoolSetup | null {
    if (!detect && !depth) return null;
    return {
      sessions,
      ort: { base: this.#setup.ortBase, threads },
      detect: detect && {
        model: detect.model,
        minScore: leastScore(detect.options, boxes),
        iou: detect.options.iou,
        classMask: classMaskOf(detect.model.descriptor, detect.options),
      },
      depth: depth && { model: depth.model },
    };
  }

  /**
   * @param serves whether a pool with the same models can be taken as it is.
   * @param makeRoom called before another one is loaded; else the one before is open until that is.
   */
  async #poolFor(
    setup: PoolSetup,
    serves: (pool: InferencePool) => boolean,
    makeRoom?: () => Promise<void>,
  ): Promise<InferencePool> {
    const of = fingerprint(setup);
    if (this.#pool?.of === of && serves(this.#pool.pool)) return this.#pool.pool;
    await makeRoom?.();
    const { sessions, ...inference } = setup;
    const pool = await InferencePool.load(sessions, inference);
    this.#pool?.pool.close();
    this.#pool = { of, pool };
    return pool;
  }
}

interface PoolSetup extends InferenceSetup {
  sessions: number;
}

/** The same of setups that do the same. */
function fingerprint({ sessions, ort, detect, depth }: PoolSetup): string {
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
