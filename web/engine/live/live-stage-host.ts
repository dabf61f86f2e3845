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
  loadModel(name: string): Promise<LoadedModel>;
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
  /** Those that others are opened in place of: what fails of them now is no news. */
  #leaving: LiveStages | null = null;
  #plan: LivePlan | null = null;
  readonly #models = new Map<string, Promise<LoadedModel>>();
  /** One thing after another: opening, closing. */
  #turn: Promise<void> = Promise.resolve();
  #failedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

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
    return this.#next(() => this.#openFor(plan));
  }

  /** `stages` have failed: they are closed, and opened again where that may help. */
  fail(stages: LiveStages, error: unknown): void {
    // The others that were on their way fail with it.
    if (this.#open !== stages || this.#leaving === stages || this.#closed) return;
    this.#open = null;
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

  async close(): Promise<void> {
    this.#closed = true;
    await this.#next(async () => {
      await this.#open?.close().catch(() => {});
      this.#open = null;
      await this.#dropBackend();
    });
  }

  #next(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }

  async #openFor(plan: LivePlan): Promise<void> {
    // Another plan came meanwhile, or nobody wants any more.
    if (this.#closed || plan !== this.#plan) return;
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
      const opened = await this.#backend.openLive({
        ...this.#shared,
        ...{ detect, depth, log, layout: plan.layout },
      });
      this.#open = opened;
      tell({ state: 'running', backend: this.#backend.name, backendReason: this.#backend.reason });
      await before?.close();
    } catch (error) {
      tell({ state: 'failed', error: EdgeRunnerError.from(error).toRecord() });
    } finally {
      this.#leaving = null;
    }
  }

  /** With nothing to infer too: what is drawn is drawn where the frames are. */
  #select(): Promise<Backend> {
    const { ortBase, cores, log } = this.#options;
    return selectBackend(this.#choice, true, { log }, { ortBase, cores });
  }

  async #model<T extends 'detect' | 'depth'>(task: T, name: string) {
    let loading = this.#models.get(name);
    if (!loading) {
      loading = this.#options.loadModel(name);
      this.#models.set(name, loading);
      // The network may be back at the next try.
      loading.catch(() => this.#models.delete(name));
    }
    const { descriptor, bytes } = await loading;
    return { descriptor: modelFor(task, descriptor), bytes };
  }

  async #dropBackend(): Promise<void> {
    const backend = this.#backend;
    this.#backend = null;
    await backend?.close().catch(() => {});
  }
}
