import { EdgeRunnerError, fromProblem } from '../../protocol/index.ts';

/** Requests that fail for a moment are made again so often, with pauses that grow. */
const TRIES = 6;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;

/** What a node asks the server over HTTP, with whatever went wrong for a moment tried again. */
export class ServerLink {
  readonly base: string;
  readonly #signal: AbortSignal;

  /** @param base address of the server, or of what stands for it on this machine. */
  constructor(base: string, signal: AbortSignal) {
    this.base = base;
    this.#signal = signal;
  }

  url(path: string): string {
    return new URL(path, this.base).href;
  }

  /**
   * @param also statuses that are an answer too, besides those of success.
   * @param address asked for anew at each try: signed ones are replaced while they are in use.
   * @throws {EdgeRunnerError} as the server says; `server-unreachable`; the signal's reason when aborted.
   */
  async fetch(
    address: () => string,
    init: RequestInit = {},
    also: readonly number[] = [],
  ): Promise<Response> {
    let last: EdgeRunnerError | null = null;
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await this.#pause(tries);
      this.#signal.throwIfAborted();
      const signal = init.signal ? AbortSignal.any([init.signal, this.#signal]) : this.#signal;
      try {
        const answer = await fetch(this.url(address()), { ...init, signal });
        if (answer.ok || also.includes(answer.status)) return answer;
        last = await refusal(answer);
        if (answer.status < 500 && answer.status !== 429) throw last;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (init.signal?.aborted || error instanceof EdgeRunnerError) throw error;
        last = new EdgeRunnerError(
          'server-unreachable',
          `The server was not reached: ${error instanceof Error ? error.message : error}.`,
          'Check the network between here and the server.',
        );
      }
    }
    throw last!;
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await this.fetch(() => path, init)).json() as Promise<T>;
  }

  #pause(tries: number): Promise<void> {
    // Full jitter: nodes that failed together do not come back together.
    const ms = Math.random() * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }
}

async function refusal(answer: Response): Promise<EdgeRunnerError> {
  const told = fromProblem(await answer.json().catch(() => null));
  return (
    told ??
    new EdgeRunnerError(
      answer.status >= 500 ? 'server-unreachable' : 'server-refused',
      `The server answered ${answer.status}.`,
      'Look into its log.',
    )
  );
}
