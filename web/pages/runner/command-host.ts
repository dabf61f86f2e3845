import type { StreamTargetChunk } from 'mediabunny';
import type { ModelDescriptor } from '../../../models/descriptor.ts';
import {
  EdgeRunnerError,
  type EventLine,
  type FromPage,
  type PageWork,
  RUNNER_PATHS,
  type SourceSpec,
  type ToPage,
} from '../../../protocol/index.ts';
import type { EngineHost, LoadedModel, Progress, SourceBytes } from '../../engine/index.ts';
import { loopbackBytes } from './loopback-bytes.ts';

/** Output bytes on their way to the disk, at most; more waits. */
const UNWRITTEN_LIMIT = 16 << 20;
/** Event lines on their way to the command, at most. */
const UNREAD_LIMIT = 512;

/** Milliseconds between words of progress. */
const PROGRESS_INTERVAL = 200;

/** The engine's host in the command's own browser: sources over HTTP from loopback, all else over one WebSocket. */
export class CommandHost implements EngineHost {
  readonly work: Promise<PageWork>;
  readonly #origin: string;
  readonly #token: string;
  readonly #socket: WebSocket;
  readonly #abort = new AbortController();
  readonly #hungUp: Promise<void>;
  readonly #files = new Map<number, OpenFile>();
  readonly #events = new Credit(UNREAD_LIMIT);
  #nextFile = 1;
  #unsaid: Progress | null = null;
  #saidAt = Number.NEGATIVE_INFINITY;
  #start!: (work: PageWork) => void;

  private constructor(origin: string, token: string, work: number, socket: WebSocket) {
    this.#origin = origin;
    this.#token = token;
    this.#socket = socket;
    this.work = new Promise((resolve) => {
      this.#start = resolve;
    });
    socket.onmessage = ({ data }: MessageEvent<string>) => this.#receive(JSON.parse(data) as ToPage);
    this.#hungUp = new Promise((resolve) => {
      socket.onclose = () => {
        this.#stop();
        resolve();
      };
    });
    this.#send({ type: 'hello', token, work });
  }

  /** @param work its number, as the command knows it. */
  static async connect(origin: string, token: string, work: number): Promise<CommandHost> {
    const socket = new WebSocket(new URL(RUNNER_PATHS.socket, origin));
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new CommandHost(origin, token, work, socket);
  }

  /** Aborted when the command says so or is gone. */
  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  async openSource(source: SourceSpec): Promise<SourceBytes> {
    const url = new URL(RUNNER_PATHS.source(source.id), this.#origin);
    return {
      ...loopbackBytes(url, this.#headers),
      loss: async () => {
        const { loss } = (await (await this.#fetch(RUNNER_PATHS.loss(source.id))).json()) as {
          loss: string | null;
        };
        return loss;
      },
    };
  }

  async readPicture(source: SourceSpec, index: number): Promise<Blob> {
    return (await this.#fetch(RUNNER_PATHS.picture(source.id, index))).blob();
  }

  async loadModel(name: string): Promise<LoadedModel> {
    const [descriptor, bytes] = await Promise.all([
      this.#fetch(RUNNER_PATHS.descriptor(name)).then((answer) => answer.json() as Promise<ModelDescriptor>),
      this.#fetch(RUNNER_PATHS.model(name)).then((answer) => answer.arrayBuffer()),
    ]);
    return { descriptor, bytes };
  }

  async createFile(output: string, name: string): Promise<WritableStream<StreamTargetChunk>> {
    const id = this.#nextFile++;
    const file = new OpenFile();
    this.#files.set(id, file);
    this.#send({ type: 'open-file', file: id, output, name });
    return new WritableStream<StreamTargetChunk>({
      write: async ({ data, position }) => {
        // Two messages instead of one that both are copied into: fresh memory costs more than a message.
        this.#send({ type: 'write-file', file: id, position });
        this.#socket.send(data);
        await file.bytes.sent(data.byteLength);
        this.aborted.throwIfAborted();
      },
      close: async () => {
        this.#send({ type: 'close-file', file: id });
        await file.closed;
        this.#files.delete(id);
        this.aborted.throwIfAborted();
      },
    });
  }

  async *readTracks(): AsyncGenerator<EventLine> {
    const work = await this.work;
    if (work.kind !== 'run' || work.tracks === undefined) throw new Error('nobody was followed');
    const answer = await this.#fetch(RUNNER_PATHS.source(work.tracks));
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    while (true) {
      const { done, value } = await reader.read();
      const lines = (rest + (value ?? '')).split('\n');
      rest = done ? '' : lines.pop()!;
      for (const line of lines) if (line !== '') yield JSON.parse(line) as EventLine;
      if (done) return;
    }
  }

  async emit(lines: EventLine[]): Promise<void> {
    this.#send({ type: 'events', lines });
    await this.#events.sent(lines.length);
  }

  log(message: string): void {
    this.#send({ type: 'log', message });
  }

  /** A person reads a few a second; a message a frame would cost as much as muxing it. */
  progress(progress: Progress): void {
    const now = performance.now();
    this.#unsaid = progress;
    if (now - this.#saidAt < PROGRESS_INTERVAL) return;
    this.#saidAt = now;
    this.#sayProgress();
  }

  /** Says how the work ended, and waits until the command has taken it: it hangs up then. */
  async finish(message: FromPage): Promise<void> {
    this.#sayProgress();
    this.#send(message);
    await this.#hungUp;
  }

  #sayProgress(): void {
    if (this.#unsaid) this.#send({ type: 'progress', ...this.#unsaid });
    this.#unsaid = null;
  }

  get #headers() {
    return { authorization: `Bearer ${this.#token}` };
  }

  async #fetch(path: string): Promise<Response> {
    const answer = await fetch(new URL(path, this.#origin), { headers: this.#headers, signal: this.aborted });
    if (!answer.ok)
      throw new EdgeRunnerError(
        'engine-fault',
        `The command answered ${answer.status} for ${path}.`,
        'Please report this.',
      );
    return answer;
  }

  #send(message: FromPage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive(message: ToPage): void {
    switch (message.type) {
      case 'start':
        this.#start(message.work);
        break;
      case 'abort':
        this.#stop();
        break;
      case 'written':
        this.#files.get(message.file)?.bytes.returned(message.bytes);
        break;
      case 'closed':
        this.#files.get(message.file)?.close();
        break;
      case 'read':
        this.#events.returned(message.lines);
        break;
    }
  }

  #stop(): void {
    this.#abort.abort(new EdgeRunnerError('interrupted', 'The run was stopped.', 'Run it again.'));
    this.#events.open();
    for (const file of this.#files.values()) file.close();
  }
}

/** Back-pressure: what was sent and is not yet dealt with at the other end stays below a limit. */
class Credit {
  readonly #limit: number;
  #outstanding = 0;
  #opened = false;
  #resume: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  async sent(amount: number): Promise<void> {
    this.#outstanding += amount;
    if (this.#opened || this.#outstanding <= this.#limit) return;
    await new Promise<void>((resolve) => this.#resume.push(resolve));
  }

  returned(amount: number): void {
    this.#outstanding -= amount;
    if (this.#outstanding <= this.#limit) this.#wake();
  }

  /** Holds nobody back any more: the other end is gone. */
  open(): void {
    this.#opened = true;
    this.#wake();
  }

  #wake(): void {
    for (const resume of this.#resume.splice(0)) resume();
  }
}

class OpenFile {
  readonly bytes = new Credit(UNWRITTEN_LIMIT);
  readonly closed: Promise<void>;
  #close!: () => void;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  close(): void {
    this.bytes.open();
    this.#close();
  }
}
