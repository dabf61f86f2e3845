import { modelFor } from '../../../models/descriptor.ts';
import type { BackendChoice } from '../../../protocol/index.ts';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { Backend } from '../backend/backend.ts';
import type { LiveSpec, LiveStages } from '../backend/live.ts';
import { selectBackend } from '../backend/select.ts';
import type { LoadedModel } from '../host.ts';
import type { LiveState } from './live-messages.ts';
import type { LivePlan } from './live-plan.ts';

/** Milliseconds within which a second failure is not the first one's bad luck. */
const SOON = 30_000;

export interface StageHostOptions {
  backend: BackendChoice;
  ortBase: string;
  cores: number;
  /** @param gone it is waited for no more. */
  loadModel(name: string, gone: AbortSignal): Promise<LoadedModel>;
  tell(state: LiveState): void;
  log(message: string): void;
}

/**
 * Holds the stages of a live picture open: opens them, opens others in their place, and opens them again when a device is
 * lost. Whoever shows frames asks for those that are open at the moment, and shows the frame as it came where none are.
 */
export class LiveStageHost {
  readonly #options: StageHostOptions;
  readonly #shared: Pick<LiveSpec, 'ledger' | 'meter'>;
  #choice: BackendChoice;
  #backend: Backend | null = null;
  #open: LiveStages | null = null;
  /** Those that others are opened in place of. */
  #leaving: LiveStages | null = null;
  #plan: LivePlan | null = null;
  readonly #models = new Map<string, Promise<LoadedModel>>();
  /** One thing after another: opening, closing. */
  #turn: Promise<void> = Promise.resolve();
  #failedAt = Number.NEGATIVE_INFINITY;
  /** What is loaded for the plan before is not waited for any more. */
  #superseded = new AbortController();
  readonly #closing = new AbortController();

  constructor(options: StageHostOptions, shared: Pick<LiveSpec, 'ledger' | 'meter'>) {
    this.#options = options;
    this.#choice = options.backend;
    this.#shared = shared;
  }

  /** Null while none are open. */
  get current(): LiveStages | null {
    return this.#open;
  }

  /** Opens the stages of a plan; those of the one before show frames until then. */
  use(plan: LivePlan): Promise<void> {
    this.#plan = plan;
    this.#superseded.abort();
    this.#superseded = new AbortController();
    return this.#next(() => this.#openFor(plan));
  }

  /** `stages` have failed: they are closed, and opened again where that may help. */
  fail(stages: LiveStages, error: unknown): void {
    // The others that were on their way fail with it.
    if (this.#open !== stages || this.#isClosed) return;
    this.#open = null;
    // What is opened in their place says how it goes on.
    if (this.#leaving === stages) return;
    const known = EdgeRunnerError.from(error);
    const now = performance.now();
    const again = now - this.#failedAt < SOON;
    this.#failedAt = now;
    const onGpu = this.#backend?.name === 'webgpu';
    if (again && !onGpu) {
      this.#options.tell({ state: 'failed', error: known.toRecord() });
    } else {
      this.#options.tell({ state: 'recovering', error: known.toRecord() });
      if (again) {
        this.#options.log('the GPU failed twice within a short time: going on with the processor');
        this.#choice = 'cpu';
      }
    }
    this.#next(async () => {
      await stages.close().catch(() => {});
      await this.#dropBackend();
      if ((!again || onGpu) && this.#plan) await this.#openFor(this.#plan);
    });
  }

  /** What is being loaded is given up. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#superseded.abort();
    await this.#next(async () => {
      await this.#open?.close().catch(() => {});
      this.#open = null;
      await this.#dropBackend();
    });
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #next(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }

  async #openFor(plan: LivePlan): Promise<void> {
    if (this.#isStale(plan)) return;
    const { tell, log } = this.#options;
    tell({ state: 'opening' });
    const before = this.#open;
    this.#leaving = before;
    try {
      const detect = plan.detect && {
        model: await this.#model('detect', plan.detect.model),
        iou: plan.detect.iou,
      };
      const depth = plan.depth && { model: await this.#model('depth', plan.depth.model) };
      this.#backend ??= await this.#select();
      this.#open = await this.#backend.openLive({
        ...this.#shared,
        ...{ detect, depth, log, layout: plan.layout },
      });
      tell({ state: 'running', backend: this.#backend.name, backendReason: this.#backend.reason });
      await before?.close().catch(() => {});
    } catch (error) {
      // Those before were lost meanwhile, and with them what others are opened on.
      const lost = before !== null && this.#open !== before;
      if (lost) {
        await before.close().catch(() => {});
        await this.#dropBackend();
      }
      if (this.#isStale(plan)) return;
      const record = EdgeRunnerError.from(error).toRecord();
      tell({ state: lost ? 'recovering' : 'failed', error: record });
      if (lost) await this.#openFor(plan);
    } finally {
      this.#leaving = null;
    }
  }

  /** Whether another plan came meanwhile, or nobody wants any more. */
  #isStale(plan: LivePlan): boolean {
    return this.#isClosed || plan !== this.#plan;
  }

  /** With nothing to infer too: what is drawn is drawn where the frames are. */
  #select(): Promise<Backend> {
    const { ortBase, cores, log } = this.#options;
    return selectBackend(this.#choice, true, { log }, { ortBase, cores });
  }

  async #model<T extends 'detect' | 'depth'>(task: T, name: string) {
    let loading = this.#models.get(name);
    if (!loading) {
      loading = this.#options.loadModel(name, this.#closing.signal);
      this.#models.set(name, loading);
      // The network may be back at the next try.
      loading.catch(() => this.#models.delete(name));
    }
    const { descriptor, bytes } = await unless(this.#superseded.signal, loading);
    return { descriptor: modelFor(task, descriptor), bytes };
  }

  async #dropBackend(): Promise<void> {
    const backend = this.#backend;
    this.#backend = null;
    await backend?.close().catch(() => {});
  }
}

/** Rejects as soon as the signal says so; else as the promise does. */
const unless = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
