import { EdgeRunnerError } from '../../../protocol/index.ts';
import type {
  InferenceAnswer,
  InferenceRequest,
  InferenceSetup,
  ModelInput,
  WorkerReply,
  WorkerRequest,
} from './inference-worker.ts';

export interface PoolLayout {
  sessions: number;
  /** Of each. */
  threads: number;
}

/**
 * How the cores are shared out: one session a core up to four, each with the threads that are left over for it. Whole
 * frames in parallel waste nothing on waiting for each other inside a layer, as threads of one session do.
 */
export function poolLayout(cores: number): PoolLayout {
  const sessions = Math.max(1, Math.min(4, cores));
  return { sessions, threads: Math.max(1, Math.floor(cores / sessions)) };
}

/** Of a live picture: one frame at a time, as soon as can be, and a core left to the picture itself. */
export const livePoolLayout = (cores: number): PoolLayout => ({
  sessions: 1,
  threads: Math.max(1, cores - 1),
});

/** Sessions of a stream's models, each set in a worker of its own; a run goes to whichever is free. */
export class InferencePool {
  readonly size: number;
  #idle: Worker[] = [];
  #all: Worker[];
  #waiting: { give(worker: Worker): void; fail(error: unknown): void }[] = [];
  #ended = new AbortController();
  /** Inputs that are in no worker now: memory that goes from worker to worker is given back late, if at all. */
  readonly #spare: ModelInput[] = [];

  private constructor(workers: Worker[]) {
    this.#all = workers;
    this.#idle = [...workers];
    this.size = workers.length;
  }

  static async load(sessions: number, setup: InferenceSetup): Promise<InferencePool> {
    const workers = Array.from(
      { length: sessions },
      () =>
        new Worker(new URL('./inference-worker.ts', import.meta.url), { type: 'module', name: 'inference' }),
    );
    try {
      await Promise.all(
        workers.map((worker) => ask(worker, { type: 'load', ...setup }, [], new AbortController().signal)),
      );
      return new InferencePool(workers);
    } catch (error) {
      for (const worker of workers) worker.terminate();
      throw error;
    }
  }

  get isOpen(): boolean {
    return !this.#ended.signal.aborted;
  }

  /** Whether nothing is inferred just now, and something may be. */
  get isIdle(): boolean {
    return this.isOpen && this.#idle.length === this.size;
  }

  /** An input of so many values; what is in it is old. */
  takeInput(length: number): ModelInput {
    const at = this.#spare.findIndex((input) => input.length === length);
    return at < 0 ? new Float32Array(length) : this.#spare.splice(at, 1)[0]!;
  }

  giveInput(input: ModelInput): void {
    this.#spare.push(input);
  }

  /** Takes the inputs over and gives them back with the answer. */
  async run(request: InferenceRequest): Promise<InferenceAnswer> {
    const worker =
      this.#idle.pop() ?? (await new Promise<Worker>((give, fail) => this.#waiting.push({ give, fail })));
    try {
      const transfer = request.inputs.map(({ buffer }) => buffer);
      const reply = await ask(worker, { type: 'run', ...request }, transfer, this.#ended.signal);
      if (reply.type !== 'ran') throw new Error(`the inference worker answered ${reply.type} to a run`);
      return reply;
    } finally {
      const next = this.#waiting.shift();
      if (next) next.give(worker);
      else this.#idle.push(worker);
    }
  }

  close(): void {
    this.#ended.abort(new Error('the inference pool was closed'));
    for (const worker of this.#all) worker.terminate();
    for (const { fail } of this.#waiting.splice(0)) fail(this.#ended.signal.reason);
  }
}

/** One question, one answer. A terminated worker answers no more: `ended` says so in its place. */
function ask(
  worker: Worker,
  request: WorkerRequest,
  transfer: Transferable[],
  ended: AbortSignal,
): Promise<WorkerReply> {
  return new Promise((resolve, reject) => {
    ended.throwIfAborted();
    const end = () => reject(ended.reason);
    ended.addEventListener('abort', end, { once: true });
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      ended.removeEventListener('abort', end);
      if (data.type === 'error') reject(EdgeRunnerError.fromRecord(data.error));
      else resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(
        new EdgeRunnerError(
          'model-run',
          `The inference worker stopped: ${event.message || 'it could not be started'}.`,
          'The model may need more memory than the browser gives; try a smaller one.',
        ),
      );
    };
    worker.postMessage(request, transfer);
  });
}
