import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { parseRange, type ServedSource } from './served-source.ts';

/** Bytes taken in before anybody asks for them: a sender that never ends shall not fill the disk. */
const AHEAD = 64 << 20;

/**
 * A stream that can be read once (standard input, a server without ranges), kept in a temporary file while it comes
 * in, so that the page can read it from anywhere: a request for bytes that are not there yet waits for them.
 */
export class GrowingFile implements ServedSource {
  readonly #folder: string;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #abort = new AbortController();
  readonly #filling: Promise<void>;
  #size = 0;
  /** Taken in up to here; more when somebody gets near. */
  #wanted = AHEAD;
  #ended = false;
  #loss: string | null = null;
  #waiting: (() => void)[] = [];

  private constructor(
    folder: string,
    path: string,
    file: FileHandle,
    input: AsyncIterable<Uint8Array>,
    expected: number | null,
  ) {
    this.#folder = folder;
    this.#path = path;
    this.#file = file;
    this.#filling = this.#fill(input, expected);
  }

  /** @param expected bytes that the sender announced, null when it did not. */
  static async start(input: AsyncIterable<Uint8Array>, expected: number | null): Promise<GrowingFile> {
    const folder = await mkdtemp(join(tmpdir(), 'edge-runner-in-'));
    const path = join(folder, 'source');
    return new GrowingFile(folder, path, await open(path, 'w'), input, expected);
  }

  /** The first bytes, as many as there are up to `count`: enough to see what it is. */
  head(count: number): Promise<Uint8Array> {
    return this.read(0, count);
  }

  async size(): Promise<number | null> {
    return this.#ended ? this.#size : null;
  }

  async read(start: number, end: number): Promise<Buffer> {
    await this.#reach(end);
    const length = Math.max(0, Math.min(end, this.#size) - start);
    const file = await open(this.#path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async serve(request: Request, response: Response): Promise<void> {
    const { start } = parseRange(request.headers.range);
    await this.#reach(start + 1);
    if (start >= this.#size && start > 0) {
      response.status(416).set('content-range', `bytes */${this.#size}`).end();
      return;
    }
    // The length is known only once all has come in.
    const total = this.#ended ? `${this.#size}` : '*';
    const last = this.#ended ? this.#size - 1 : Number.MAX_SAFE_INTEGER;
    response
      .status(206)
      .set({ 'content-range': `bytes ${start}-${last}/${total}`, 'cache-control': 'no-store' });
    if (this.#ended) response.set('content-length', `${this.#size - start}`);
    await pipeline(Readable.from(this.#read(start)), response).catch(() => {});
  }

  loss(): string | null {
    return this.#loss;
  }

  /** It is kept here: what was read of it is all of one. */
  async checkSame(): Promise<void> {}

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#filling;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async *#read(start: number): AsyncGenerator<Uint8Array> {
    let position = start;
    while (true) {
      await this.#reach(position + 1);
      const end = this.#size;
      if (position >= end) return;
      for await (const chunk of createReadStream(this.#path, { start: position, end: end - 1 })) {
        position += (chunk as Uint8Array).byteLength;
        this.#want(position);
        yield chunk as Uint8Array;
      }
    }
  }

  async #fill(input: AsyncIterable<Uint8Array>, expected: number | null): Promise<void> {
    const iterator = input[Symbol.asyncIterator]();
    let stop: (end: IteratorResult<Uint8Array>) => void = () => {};
    const onAbort = () => {
      stop({ done: true, value: undefined });
      this.#wake();
    };
    this.#abort.signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (true) {
        await this.#until(() => this.#size < this.#wanted || this.#abort.signal.aborted);
        if (this.#abort.signal.aborted) break;
        // A promise of its own for each chunk: raced against one that lives on, every chunk would live on with it.
        const { done, value } = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
          stop = resolve;
          iterator.next().then(resolve, reject);
        });
        if (done) break;
        await this.#file.write(value);
        this.#size += value.byteLength;
        this.#wake();
      }
      if (expected !== null && this.#size < expected)
        this.#loss = `the sender stopped after ${this.#size} of ${expected} bytes`;
    } catch (error) {
      this.#loss = `the sender stopped after ${this.#size}${expected === null ? '' : ` of ${expected}`} bytes (${error instanceof Error ? error.message : error})`;
    } finally {
      this.#ended = true;
      this.#abort.signal.removeEventListener('abort', onAbort);
      this.#wake();
      // Not awaited: a read that never answers (an idle pipe) would hold the end up.
      void Promise.resolve(iterator.return?.()).catch(() => {});
      await this.#file.close();
    }
  }

  /** Waits until so many bytes are there, or no more come. */
  async #reach(size: number): Promise<void> {
    this.#want(size);
    await this.#until(() => this.#size >= size || this.#ended);
  }

  #want(size: number): void {
    if (this.#wanted >= size + AHEAD) return;
    this.#wanted = size + AHEAD;
    this.#wake();
  }

  async #until(met: () => boolean): Promise<void> {
    while (!met()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
