import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { serveBytes } from '../../server/api/serve-bytes.ts';
import type { RandomBytes } from '../../server/stitch/source-bytes.ts';

/** Bytes of one source, given to our own page over loopback, and to what this process does itself. */
export interface ServedSource extends RandomBytes {
  /** Answers a request, ranges included. */
  serve(request: Request, response: Response): void | Promise<void>;
  /** What could not be had of it, in words; null while nothing is missing. */
  loss(): string | null;
  /** @throws {EdgeRunnerError} `source-changed` where what was read is not all of the same file. */
  checkSame(): Promise<void>;
  close(): Promise<void>;
}

/** First byte of an open-ended or closed range; 0 when there is none. End is inclusive, null for "to the end". */
export function parseRange(header: string | undefined): { start: number; end: number | null } {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!match) return { start: 0, end: null };
  return { start: Number(match[1]), end: match[2] ? Number(match[2]) : null };
}

/** Bytes read from the disk at a time: few wake-ups beside decoding and encoding, which want the processor. */
const READ_CHUNK = 1 << 19;
/** Such chunks read before the page asks for them. */
const CHUNKS_AHEAD = 2;

interface OpenedFile {
  file: FileHandle;
  /** Bytes when it was opened. */
  size: number;
  /** When it was written to before that, milliseconds since 1970. */
  written: number;
}

/**
 * A file on this machine, as it is when it is first read: one that takes its place later has its name, and nothing
 * to do with it; one that is written to is a source that changed.
 */
export class FileSource implements ServedSource {
  readonly #path: string;
  #opened: Promise<OpenedFile> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async serve(request: Request, response: Response): Promise<void> {
    const opened = await this.#same().catch(() => null);
    if (!opened) {
      response.status(404).end();
      return;
    }
    await serveBytes(request, response, {
      name: 'source',
      bytes: opened.size,
      read: async (start, end) =>
        Readable.from(chunksOf(opened.file, start, end), { highWaterMark: CHUNKS_AHEAD }),
    });
  }

  async size(): Promise<number> {
    return (await this.#open()).size;
  }

  async read(start: number, end: number): Promise<Buffer> {
    const { file, size } = await this.#same();
    const length = Math.max(0, Math.min(end, size) - start);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  }

  loss(): null {
    return null;
  }

  async checkSame(): Promise<void> {
    await this.#same();
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    // One that could not be opened has nothing to close.
    await (await opened?.catch(() => null))?.file.close();
  }

  #open(): Promise<OpenedFile> {
    this.#opened ??= openFile(this.#path);
    return this.#opened;
  }

  async #same(): Promise<OpenedFile> {
    const opened = await this.#open();
    const { size, mtimeMs } = await opened.file.stat();
    if (size === opened.size && mtimeMs === opened.written) return opened;
    throw changed(this.#path, opened.size, size);
  }
}

async function openFile(path: string): Promise<OpenedFile> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new EdgeRunnerError(
      'input-unreadable',
      `${path} cannot be opened any more (${error.code}).`,
      'Leave it where it is while it is read.',
      { cause: error },
    );
  });
  try {
    const { size, mtimeMs } = await file.stat();
    return { file, size, written: mtimeMs };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function* chunksOf(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let position = start; position < end; ) {
    const length = Math.min(READ_CHUNK, end - position);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    // It was cut meanwhile; whoever asks next is told.
    if (bytesRead === 0) throw new Error('the file ended before its end');
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** @param before bytes, null where nobody knows; `now` likewise. */
export const changed = (name: string, before: number | null, now: number | null) =>
  before !== null && now !== null && now > before
    ? new EdgeRunnerError(
        'source-changed',
        `${name} has grown from ${before} to ${now} bytes while it was read: it is still being written.`,
        'Run it again once it is whole; what is recorded as it runs can be piped in instead.',
      )
    : new EdgeRunnerError(
        'source-changed',
        `${name} changed while it was read.`,
        'Run it again, with a source that stays as it is meanwhile.',
      );

export const unreachable = (url: string, why: string) =>
  new EdgeRunnerError(
    'url-unreachable',
    `${url} could not be read: ${why}.`,
    'Check the address and the network, then run again.',
  );
