import type { WebSocket } from 'ws';
import {
  EdgeRunnerError,
  type EventLine,
  type FromPage,
  type JobSpec,
  type SummaryEvent,
  type ToPage,
} from '../../protocol/index.ts';
import { type LaunchedBrowser, type LaunchOptions, launchBrowser } from '../browser/launch.ts';
import { LoopbackServer, type Served } from './loopback-server.ts';
import type { OutputFile, OutputFiles } from './output-files.ts';

export interface SessionOptions {
  job: JobSpec;
  served: Served;
  launch: LaunchOptions;
  /** Where each video or frames output goes. */
  outputs: Map<string, OutputFiles>;
  /** Its promise is back-pressure. */
  onEvents(lines: EventLine[]): Promise<void>;
  onLog(message: string): void;
  onProgress(progress: Extract<FromPage, { type: 'progress' }>): void;
  signal: AbortSignal;
}

export interface SessionResult {
  summaries: SummaryEvent[];
  indexAtEnd: string[];
}

/**
 * Runs one job in one browser of our own, from launch to end. When the promise settles the browser, its profile, the
 * server and every socket are gone.
 * @throws {EdgeRunnerError} of the engine; `browser-died`; the signal's reason when aborted.
 */
export async function runInBrowser(options: SessionOptions): Promise<SessionResult> {
  const session = new Session(options);
  const server: LoopbackServer = await LoopbackServer.start(options.served, (socket) =>
    session.attach(socket, server),
  );
  const abort = () => session.fail(options.signal.reason);
  options.signal.addEventListener('abort', abort, { once: true });
  let launched: LaunchedBrowser | null = null;
  try {
    launched = await launchBrowser(options.launch);
    if (options.signal.aborted) abort();
    launched.browser.once('disconnected', () => session.fail(browserDied('ended in the middle of the job')));
    const page = (await launched.browser.pages())[0] ?? (await launched.browser.newPage());
    page.once('error', ({ message }) =>
      session.fail(browserDied(`crashed in the middle of the job (${message})`)),
    );
    page
      .goto(`${server.origin}/runner/index.html`)
      .then(() => page.evaluate((token) => window.edgeRunner.run(token), server.token))
      .catch((error: unknown) => session.fail(error));
    return await session.result;
  } finally {
    options.signal.removeEventListener('abort', abort);
    launched?.browser.removeAllListeners('disconnected');
    await Promise.all([launched?.close(), server.close()]);
  }
}

const browserDied = (how: string) =>
  new EdgeRunnerError(
    'browser-died',
    `The browser ${how}.`,
    'Close other programs if memory is short, or try a smaller clip.',
  );

class Session {
  readonly result: Promise<SessionResult>;
  readonly #options: SessionOptions;
  readonly #files = new Map<number, OutputFile>();
  /** Where the bytes of the next binary message go. */
  #target = { file: 0, position: 0 };
  #resolve!: (result: SessionResult) => void;
  #reject!: (error: unknown) => void;
  #socket: WebSocket | null = null;
  /** Messages are dealt with one after another: a file is open before its bytes come. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits it hears of a failure; it may come before anyone does.
    this.result.catch(() => {});
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  /** The first message of a socket proves whose it is; only one page is ours. */
  attach(socket: WebSocket, server: LoopbackServer): void {
    socket.once('message', (data, isBinary) => {
      const hello = isBinary ? null : parse(data.toString());
      if (hello?.type !== 'hello' || !server.matches(hello.token) || this.#socket) {
        socket.terminate();
        return;
      }
      this.#socket = socket;
      socket.on('message', (message, binary) => {
        this.#work = this.#work
          .then(() => this.#receive(message as Buffer, binary))
          .catch((error: unknown) => this.fail(error));
      });
      this.#send({ type: 'start', job: this.#options.job });
    });
  }

  async #receive(data: Buffer, isBinary: boolean): Promise<void> {
    if (isBinary) return this.#write(data);
    const message = parse(data.toString());
    switch (message?.type) {
      case 'events':
        await this.#options.onEvents(message.lines);
        return this.#send({ type: 'read', lines: message.lines.length });
      case 'log':
        return this.#options.onLog(message.message);
      case 'progress':
        return this.#options.onProgress(message);
      case 'open-file': {
        const files = this.#options.outputs.get(message.output);
        if (!files)
          throw new EdgeRunnerError(
            'engine-fault',
            `The page wrote to an unknown output "${message.output}".`,
            'Please report this.',
          );
        this.#files.set(message.file, await files.create(message.name));
        return;
      }
      case 'write-file':
        this.#target = message;
        return;
      case 'close-file':
        await this.#files.get(message.file)?.close();
        this.#files.delete(message.file);
        return this.#send({ type: 'closed', file: message.file });
      case 'done':
        return this.#resolve({ summaries: message.summaries, indexAtEnd: message.indexAtEnd });
      case 'failed':
        return this.fail(EdgeRunnerError.fromRecord(message.error));
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    const { file, position } = this.#target;
    await this.#files.get(file)?.write(bytes, position);
    this.#send({ type: 'written', file, bytes: bytes.byteLength });
  }

  #send(message: ToPage): void {
    this.#socket?.send(JSON.stringify(message));
  }
}

function parse(text: string): FromPage | null {
  try {
    return JSON.parse(text) as FromPage;
  } catch {
    return null;
  }
}
