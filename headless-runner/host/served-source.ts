import { type FileHandle, open } from 'node:fs/promises';
import type { Request, Response } from 'express';
import { EdgeRunnerError } from '../../protocol/index.ts';
import type { RandomBytes } from '../../server/stitch/source-bytes.ts';

/** Bytes of one source, given to our own page over loopback, and to what this process does itself. */
export interface ServedSource extends RandomBytes {
  /** Answers a request, ranges included. */
  serve(request: Request, response: Response): void | Promise<void>;
  /** What could not be had of it, in words; null while nothing is missing. */
  loss(): string | null;
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

/** A file on this machine. */
export class FileSource implements ServedSource {
  readonly #path: string;
  #file: Promise<FileHandle> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  serve(_request: Request, response: Response): void {
    const options = {
      dotfiles: 'allow',
      etag: false,
      lastModified: false,
      highWaterMark: READ_CHUNK,
    } as const;
    response.sendFile(this.#path, options, (error) => {
      // The page drops connections whenever it has read enough.
      if (error && !response.headersSent) response.status(404).end();
    });
  }

  async size(): Promise<number> {
    return (await (await this.#open()).stat()).size;
  }

  async read(start: number, end: number): Promise<Buffer> {
    const length = Math.max(0, Math.min(end, await this.size()) - start);
    const { buffer, bytesRead } = await (await this.#open()).read(Buffer.alloc(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  }

  loss(): null {
    return null;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    // One that could not be opened has nothing to close.
    await (await file?.catch(() => null))?.close();
  }

  #open(): Promise<FileHandle> {
    this.#file ??= open(this.#path);
    return this.#file;
  }
}

export const unreachable = (url: string, why: string) =>
  new EdgeRunnerError(
    'url-unreachable',
    `${url} could not be read: ${why}.`,
    'Check the address and the network, then run again.',
  );
