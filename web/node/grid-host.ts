import type { StreamTargetChunk } from 'mediabunny';
import {
  EdgeRunnerError,
  EVENTS_FILE,
  type EventLine,
  FOUND_OUTPUT,
  type JobSpec,
  type SourceSpec,
  TRACKS,
  type Work,
  type WrittenFile,
} from '../../protocol/index.ts';
import type { EngineHost, LoadedModel, Progress, SourceBytes } from '../engine/index.ts';
import { BlockReader } from './block-reader.ts';
import { bytesOverHttp, rangedSource } from './http-bytes.ts';
import { loadModel } from './model-cache.ts';
import { PartUpload, type SentPart } from './part-upload.ts';
import type { Preview } from './preview.ts';
import type { ServerLink } from './server-link.ts';
import type { Throttle } from './throttle.ts';

export interface GridAttempt {
  attempt: string;
  lease: string;
  work: Work;
  /** Of the node: models want it. */
  credential: string;
}

export interface GridHostOptions {
  link: ServerLink;
  attempt: GridAttempt;
  onProgress(progress: Progress): void;
  onLog(message: string): void;
  /** Of a segment: nothing is left but to send the last of it. */
  onWorked(): void;
  /** Waited for before the first frame. */
  turn: Promise<void>;
  throttle: Throttle;
  preview: Preview;
}

/** The engine's host on a node: sources and models from the server, results to it in parts, nothing kept. */
export class GridHost implements EngineHost {
  readonly #options: GridHostOptions;
  /** Where sources are read now. */
  #sources: Record<string, string>;
  readonly #files: WrittenFile[] = [];
  readonly #events: { file: PartUpload; position: number } | null;

  constructor(options: GridHostOptions) {
    this.#options = options;
    this.#sources = options.attempt.work.sources;
    const { kind, spec, finds } = options.attempt.work;
    const output = kind === 'sound' ? null : (eventsOutput(spec) ?? (finds ? FOUND_OUTPUT : null));
    this.#events = output === null ? null : { file: this.#upload(output, EVENTS_FILE), position: 0 };
  }

  /** Addresses that are good for longer. */
  renewSources(sources: Record<string, string>): void {
    this.#sources = sources;
  }

  async openSource({ id }: SourceSpec): Promise<SourceBytes> {
    const { link } = this.#options;
    // Beyond the end: which tells where that is.
    const get = (init: RequestInit) => link.fetch(() => this.#sources[id]!, init, [416]);
    const { kind, segment } = this.#options.attempt.work;
    const bytes = bytesOverHttp(get);
    if (!segment && kind !== 'probe')
      return { ...bytes, source: rangedSource(bytes, { ahead: true }), loss: async () => null };
    // Only a part of it is read.
    const blocks = new BlockReader(bytes);
    return {
      read: (start, end) => blocks.read(start, end),
      size: () => blocks.size(),
      source: rangedSource(blocks, { ahead: false }),
      loss: async () => null,
    };
  }

  async readPicture({ id }: SourceSpec, index: number): Promise<Blob> {
    return (await this.#options.link.fetch(() => `${this.#sources[id]}/${index}`)).blob();
  }

  loadModel(name: string): Promise<LoadedModel> {
    const { link, attempt } = this.#options;
    return loadModel(link, name, attempt.credential);
  }

  async createFile(output: string, name: string): Promise<WritableStream<StreamTargetChunk>> {
    const { spec, segment } = this.#options.attempt.work;
    const isVideo = spec.outputs.some(({ id, kind }) => id === output && kind === 'video');
    return this.#upload(output, name).stream(
      (file) => this.#files.push(file),
      segment && isVideo ? this.#options.onWorked : undefined,
    );
  }

  async *readTracks(): AsyncGenerator<EventLine> {
    const answer = await this.#options.link.fetch(() => this.#sources[TRACKS]!);
    for (const line of (await answer.text()).split('\n'))
      if (line !== '') yield JSON.parse(line) as EventLine;
  }

  async emit(lines: EventLine[]): Promise<void> {
    if (!this.#events) return;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const data = new TextEncoder().encode(text);
    await this.#events.file.write(data, this.#events.position);
    this.#events.position += data.byteLength;
  }

  log(message: string): void {
    this.#options.onLog(message);
  }

  progress(progress: Progress): void {
    this.#options.onProgress(progress);
  }

  async admit(): Promise<void> {
    await this.#options.turn;
    await this.#options.throttle.admit();
  }

  preview(frame: VideoFrame): void {
    this.#options.preview.offer(frame);
  }

  /** All that was written, once it is with the server. @param indexAtEnd outputs whose index should be moved. */
  async finish(indexAtEnd: readonly string[]): Promise<WrittenFile[]> {
    this.#options.onWorked();
    if (this.#events) this.#files.push(await this.#events.file.close());
    return this.#files.map((file) => ({ ...file, indexAtEnd: indexAtEnd.includes(file.output) }));
  }

  #upload(output: string, name: string): PartUpload {
    return new PartUpload(output, name, (part) => this.#send(output, name, part));
  }

  async #send(output: string, name: string, { index, bytes, sha256 }: SentPart): Promise<void> {
    const { link, attempt } = this.#options;
    const { targets } = await link.json<{ targets: { url: string; headers: Record<string, string> }[] }>(
      `/v1/attempts/${attempt.attempt}/parts`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${attempt.lease}`, 'content-type': 'application/json' },
        body: JSON.stringify({ output, name, parts: [{ index, bytes: bytes.byteLength, sha256 }] }),
      },
    );
    const [target] = targets;
    if (!target)
      throw new EdgeRunnerError(
        'server-fault',
        'The server named no place for a part.',
        'Look into its log.',
      );
    await link.fetch(() => target.url, { method: 'PUT', headers: target.headers, body: bytes });
  }
}

const eventsOutput = ({ outputs }: JobSpec): string | null =>
  outputs.find(({ kind }) => kind === 'events')?.id ?? null;
