import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { EdgeRunnerError, type JobSpec } from '../protocol/index.ts';
import { serveBytes } from './api/serve-bytes.ts';
import type { BlobStore } from './blobs/store.ts';
import type { AddressGuard } from './net/address-guard.ts';
import { guardedGet } from './net/guarded-get.ts';

type Source = JobSpec['sources'][number];

/** Streams sources to nodes: addresses, secrets and cookies stay with the server. */
export class SourceReader {
  readonly #blobs: BlobStore;
  readonly #guard: AddressGuard;

  constructor(blobs: BlobStore, guard: AddressGuard) {
    this.#blobs = blobs;
    this.#guard = guard;
  }

  /** @throws {EdgeRunnerError} `address-refused` for an address that nobody here may read. */
  check(url: string): Promise<void> {
    return this.#guard.check(url);
  }

  /** @param index of the still picture, of a source that has several. */
  async serve(source: Source, index: number, request: Request, response: Response): Promise<void> {
    switch (source.kind) {
      case 'upload':
        return this.#serveUpload(source.upload!, source.name, request, response);
      case 'snapshots':
        return this.#serveUpload(source.uploads![index]!, source.files[index]!, request, response);
      case 'http':
        return this.#serveUrl(source, request, response);
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
    { url, headers }: Extract<Source, { kind: 'http' }>,
    request: Request,
    response: Response,
  ): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await guardedGet(
      { url, headers, range: rangeOf(request.get('range')), signal: gone.signal },
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
}

export const uploadKey = (upload: string) => `uploads/${upload}`;

function rangeOf(header: string | undefined): { start: number; end: number | null } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  return match ? { start: Number(match[1]), end: match[2] ? Number(match[2]) : null } : null;
}
