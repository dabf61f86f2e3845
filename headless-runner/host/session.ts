import type { Browser, Page } from 'puppeteer-core';
import type { WebSocket } from 'ws';
import { EdgeRunnerError, type FromPage, type PageWork, type ProbeReport } from '../../protocol/index.ts';
import { type LaunchedBrowser, type LaunchOptions, launchBrowser } from '../browser/launch.ts';
import { LoopbackServer, type Served } from './loopback-server.ts';
import { parseMessage, type WorkEnd, WorkSession, type WorkSinks } from './work-session.ts';

export interface BrowserOptions {
  served: Served;
  launch: LaunchOptions;
  signal: AbortSignal;
}

type WorkOf<Kind extends PageWork['kind']> = Omit<Extract<PageWork, { kind: Kind }>, 'kind'>;
export type RunResult = Omit<Extract<FromPage, { type: 'done' }>, 'type'>;

/** A browser whose page gives every work a worker of its own, with an engine of its own. */
export interface EngineBrowser {
  /** @throws {EdgeRunnerError} of the engine; `browser-died`; the signal's reason when aborted. */
  run(work: WorkOf<'run'>, sinks: WorkSinks): Promise<RunResult>;
  /** @throws {EdgeRunnerError} as `run` does. */
  probe(work: WorkOf<'probe'>, onLog: (message: string) => void): Promise<ProbeReport>;
  /** Nothing is written where the source has no sound that the browser can decode. */
  sound(work: WorkOf<'sound'>, sinks: WorkSinks): Promise<void>;
}

/**
 * Has works done in one browser of our own. When the promise settles the browser, its profile, the server, every
 * socket and every work are gone.
 * @throws {EdgeRunnerError} `browser-launch`, `browser-died`; the signal's reason when aborted; what `use` throws.
 */
export async function inBrowser<T>(
  { served, launch, signal }: BrowserOptions,
  use: (browser: EngineBrowser) => Promise<T>,
): Promise<T> {
  const works = new Works();
  const server: LoopbackServer = await LoopbackServer.start(served, (socket) => works.attach(socket, server));
  const abort = () => works.fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  let launched: LaunchedBrowser | null = null;
  try {
    launched = await launchBrowser(launch);
    if (signal.aborted) abort();
    await works.open(launched.browser, server);
    return await use(works);
  } finally {
    signal.removeEventListener('abort', abort);
    launched?.browser.removeAllListeners('disconnected');
    works.fail(new Error('the browser was closed'));
    await Promise.all([launched?.close(), server.close()]);
  }
}

const browserDied = (how: string) =>
  new EdgeRunnerError(
    'browser-died',
    `The browser ${how}.`,
    'Close other programs if memory is short, or try a smaller clip.',
  );

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The works of one browser, each found by its number when its worker connects. */
class Works implements EngineBrowser {
  readonly #sessions = new Map<number, WorkSession>();
  readonly #ended = new AbortController();
  #page: Page | null = null;
  #token = '';
  #next = 1;

  async open(browser: Browser, { origin, token }: LoopbackServer): Promise<void> {
    browser.once('disconnected', () => this.fail(browserDied('ended in the middle of the job')));
    const opened = (async () => {
      this.#page = (await browser.pages())[0] ?? (await browser.newPage());
      this.#page.once('error', ({ message }) =>
        this.fail(browserDied(`crashed in the middle of the job (${message})`)),
      );
      await this.#page.goto(`${origin}/runner/index.html`);
    })().catch((error: unknown) => this.fail(browserDied(`did not open its page (${wordsOf(error)})`)));
    const { signal } = this.#ended;
    const ended = new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
    if (!signal.aborted) await Promise.race([opened, ended]);
    signal.throwIfAborted();
    this.#token = token;
  }

  /** The first message of a socket proves whose it is, and says for which work it speaks. */
  attach(socket: WebSocket, server: LoopbackServer): void {
    socket.once('message', (data, isBinary) => {
      const hello = isBinary ? null : parseMessage(data.toString());
      const session =
        hello?.type === 'hello' && server.matches(hello.token) ? this.#sessions.get(hello.work) : undefined;
      if (!session?.attach(socket)) socket.terminate();
    });
  }

  /** Ends what is under way; nothing is begun any more. */
  fail(error: unknown): void {
    this.#ended.abort(error);
    for (const session of this.#sessions.values()) session.fail(this.#ended.signal.reason);
  }

  async run(work: WorkOf<'run'>, sinks: WorkSinks): Promise<RunResult> {
    const end = await this.#have({ kind: 'run', ...work }, sinks);
    if (end.type !== 'done') throw new Error(`a run came to "${end.type}"`);
    const { type: _, ...result } = end;
    return result;
  }

  async probe(work: WorkOf<'probe'>, onLog: (message: string) => void): Promise<ProbeReport> {
    const sinks = { outputs: new Map(), onEvents: async () => {}, onProgress: () => {}, onLog };
    const end = await this.#have({ kind: 'probe', ...work }, sinks);
    if (end.type !== 'probed') throw new Error(`a look at a source came to "${end.type}"`);
    return end.report;
  }

  async sound(work: WorkOf<'sound'>, sinks: WorkSinks): Promise<void> {
    await this.#have({ kind: 'sound', ...work }, sinks);
  }

  async #have(work: PageWork, sinks: WorkSinks): Promise<WorkEnd> {
    this.#ended.signal.throwIfAborted();
    const id = this.#next++;
    const session = new WorkSession(work, sinks);
    this.#sessions.set(id, session);
    try {
      this.#page!.evaluate((token, number) => window.edgeRunner.run(token, number), this.#token, id).catch(
        (error: unknown) => session.fail(browserDied(`did not begin its work (${wordsOf(error)})`)),
      );
      return await session.result;
    } finally {
      this.#sessions.delete(id);
      session.hangUp();
    }
  }
}
