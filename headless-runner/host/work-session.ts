import type { WebSocket } from 'ws';
import {
  EdgeRunnerError,
  type EventLine,
  type FromPage,
  type PageWork,
  type ToPage,
} from '../../protocol/index.ts';
import type { OutputFile, OutputFiles } from './output-files.ts';

/** Where what a work makes and says goes. */
export interface WorkSinks {
  /** Where each output goes that has files. */
  outputs: ReadonlyMap<string, OutputFiles>;
  /** Its promise is back-pressure. */
  onEvents(lines: EventLine[]): Promise<void>;
  onLog(message: string): void;
  onProgress(progress: Extract<FromPage, { type: 'progress' }>): void;
}

/** How a work ended that did not fail. */
export type WorkEnd = Extract<FromPage, { type: 'done' | 'probed' | 'heard' }>;

/** One work in a worker of the page, at the command's end of its socket. */
export class WorkSession {
  readonly result: Promise<WorkEnd>;
  readonly #work: PageWork;
  readonly #sinks: WorkSinks;
  readonly #files = new Map<number, OutputFile>();
  /** Where the bytes of the next binary message go. */
  #target = { file: 0, position: 0 };
  #resolve!: (end: WorkEnd) => void;
  #reject!: (error: unknown) => void;
  #socket: WebSocket | null = null;
  #over = false;
  /** Messages are dealt with one after another: a file is open before its bytes come. */
  #dealing: Promise<void> = Promise.resolve();

  constructor(work: PageWork, sinks: WorkSinks) {
    this.#work = work;
    this.#sinks = sinks;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits it hears of a failure; it may come before anyone does.
    this.result.catch(() => {});
  }

  fail(error: unknown): void {
    this.#over = true;
    this.#reject(error);
  }

  /** @param socket that has proved to be of our page. @returns whether it is the work's: it has one. */
  attach(socket: WebSocket): boolean {
    if (this.#socket || this.#over) return false;
    this.#socket = socket;
    socket.on('message', (message, binary) => {
      this.#dealing = this.#dealing
        .then(() => this.#receive(message as Buffer, binary))
        .catch((error: unknown) => this.fail(error));
    });
    this.#send({ type: 'start', work: this.#work });
    return true;
  }

  /** What comes after the end is nobody's; the worker goes when it hears that. */
  hangUp(): void {
    this.#over = true;
    this.#socket?.close();
  }

  async #receive(data: Buffer, isBinary: boolean): Promise<void> {
    // Its files may be gone.
    if (this.#over) return;
    if (isBinary) return this.#write(data);
    const message = parseMessage(data.toString());
    switch (message?.type) {
      case 'events':
        await this.#sinks.onEvents(message.lines);
        return this.#send({ type: 'read', lines: message.lines.length });
      case 'log':
        return this.#sinks.onLog(message.message);
      case 'progress':
        return this.#sinks.onProgress(message);
      case 'open-file': {
        const files = this.#sinks.outputs.get(message.output);
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
      case 'probed':
      case 'heard':
        return this.#resolve(message);
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

/** A message of the page; null for what is none. */
export function parseMessage(text: string): FromPage | null {
  try {
    return JSON.parse(text) as FromPage;
  } catch {
    return null;
  }
}
