import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { EdgeRunnerError, type JobSpec } from '../protocol/index.ts';
import { serveBytes } from './api/serve-bytes.ts';
import type { BlobStore } from './blobs/store.ts';
import type { AddressGuard } from './net/address-guard.ts';
import { type FileMark, markOf, maySame } from './net/file-mark.ts';
import { type GuardedAnswer, guardedGet } from './net/guarded-get.ts';
import type { SourceCopies } from './source-copies.ts';
import type { Database } from './store/database.ts';
import { markSource } from './store/source-marks.ts';

/** Status of an answer to a range that begins at or after the end (RFC 9110, 15.5.17). */
const RANGE_BEYOND = 416;

type Source = JobSpec['sources'][number];

/** Streams sources to nodes: addresses, secrets and cookies stay with the server. */
export class SourceReader {
  readonly #blobs: BlobStore;
  readonly #guard: AddressGuard;
  readonly #db: Database;
  readonly #copies: SourceCopies;

  constructor(db: Database, blobs: BlobStore, guard: AddressGuard, copies: SourceCopies) {
    this.#db = db;
    this.#copies = copies;
    this.#blobs = blobs;
    this.#guard = guard;
  }

  /** Ends what is fetched for no request in particular. */
  stop(): Promise<void> {
    return this.#copies.stop();
  }

  /** @throws {EdgeRunnerError} `address-refused` for an address that nobody here may read. */
  check(url: string): Promise<void> {
    return this.#guard.check(url);
  }

  /** @param index of the still picture, of a source that has several. @param job that reads it. */
  async serve(
    job: string,
    source: Source,
    index: number,
    request: Request,
    response: Response,
  ): Promise<void> {
    switch (source.kind) {
      case 'upload':
        return this.#serveUpload(source.upload!, source.name, request, response);
      case 'snapshots':
        return this.#serveUpload(source.uploads![index]!, source.files[index]!, request, response);
      case 'http':
        return this.#serveUrl(job, source, request, response);
      case 'pattern':
      case 'street':
        // The engine draws them itself.
        response.status(404).end();
    }
  }

  async #serveUpload(upload: string, name: string, request: Request, response: Response): Promise<void> {
    const key = uploadKey(upload);
    await serveBytes(request, response, {
      name,
      bytes: await this.#blobs.size(key),
      read: (start, end) => this.#blobs.read(key, start, end),
    });
  }

  async #serveUrl(
    job: string,
    { id, url, headers }: Extract<Source, { kind: 'http' }>,
    request: Request,
    response: Response,
  ): Promise<void> {
    const copy = await this.copyOf(job, id);
    if (copy !== null) return this.#serveCopy(copy, request, response);
    const gone = new AbortController();
    const leave = () => gone.abort();
    response.on('close', leave);
    const range = rangeOf(request.get('range'));
    // Beyond the end: whoever looks for that learns from it where it is.
    const answer = await guardedGet(
      { url, headers, range, signal: gone.signal, allowed: [RANGE_BEYOND] },
      this.#guard,
    );
    const encoding = answer.header('content-encoding');
    if (encoding !== null && encoding !== 'identity') {
      answer.body.destroy();
      throw new EdgeRunnerError(
        'url-status',
        `The address answered with ${encoding}, which was not asked for: ranges of that are of no use.`,
        'Give the address of the file itself.',
      );
    }
    await this.checkSame(job, id, answer);
    if (range && answer.status === 200) {
      response.off('close', leave);
      return this.#serveCopy(await this.#copies.keep(job, id, answer), request, response);
    }
    for (const name of ['content-length', 'content-range', 'accept-ranges', 'last-modified', 'etag']) {
      const value = answer.header(name);
      if (value !== null) response.set(name, value);
    }
    response.status(answer.status).set({
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    await pipeline(answer.body, response).catch(() => response.destroy());
  }

  /** Key in the store of what an address held that answers no ranges; null where it does, or nobody asked yet. */
  copyOf(job: string, source: string): Promise<string | null> {
    return this.#copies.find(job, source);
  }

  async #serveCopy(key: string, request: Request, response: Response): Promise<void> {
    await serveBytes(request, response, {
      name: 'source',
      bytes: await this.#blobs.size(key),
      read: (start, end) => this.#blobs.read(key, start, end),
    });
  }

  /** @throws {EdgeRunnerError} `source-changed` for another file than the one that the job read first. */
  async checkSame(job: string, source: string, answer: GuardedAnswer): Promise<void> {
    const now = markOf(answer);
    const before = await markSource(this.#db, job, source, now);
    if (maySame(before, now)) return;
    answer.body.destroy();
    throw changed(before, now);
  }
}

const changed = ({ bytes: before }: FileMark, { bytes: now }: FileMark) =>
  before !== null && now !== null && now > before
    ? new EdgeRunnerError(
        'source-changed',
        `The file at the address has grown from ${before} to ${now} bytes while it was read: it is still being written.`,
        'Submit it again once it is whole.',
      )
    : new EdgeRunnerError(
        'source-changed',
        'The file at the address is not the one any more that the job began with.',
        'Submit it again, with an address whose file stays as it is.',
      );

export const uploadKey = (upload: string) => `uploads/${upload}`;

function rangeOf(header: string | undefined): { start: number; end: number | null } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  return match ? { start: Number(match[1]), end: match[2] ? Number(match[2]) : null } : null;
}
