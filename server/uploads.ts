import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import type { Request, Response } from 'express';
import { EdgeRunnerError, toProblem } from '../protocol/index.ts';
import type { Caller } from './api/route.ts';
import type { BlobStore } from './blobs/store.ts';
import { full } from './disk-room.ts';
import { isPlain } from './net/json.ts';
import { uploadKey } from './sources.ts';
import type { Database } from './store/database.ts';
import { createUpload, deleteUploads, findUploads, finishUpload, type UploadRow } from './store/records.ts';

export const UPLOADS_PATH = '/v1/uploads';

/** Resumable uploads (tus): a folder takes them in, the blob store takes them over when they are whole. */
export class Uploads {
  readonly #db: Database;
  readonly #blobs: BlobStore;
  readonly #folder: string;
  readonly #tus: Server;
  readonly #caller = new AsyncLocalStorage<Caller>();

  /** @param mostBytes of one upload. */
  constructor(db: Database, blobs: BlobStore, folder: string, mostBytes: number) {
    this.#db = db;
    this.#blobs = blobs;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#tus = new Server({
      path: UPLOADS_PATH,
      datastore: new FileStore({ directory: folder }),
      relativeLocation: true,
      maxSize: mostBytes,
      namingFunction: (_request, metadata) => {
        const { tenant, id } = this.#caller.getStore()!;
        return createUpload(db, { tenant, token: id, name: nameOf(metadata?.filename) });
      },
      onUploadFinish: async (_request, upload) => {
        await this.#finish(upload.id, upload.size ?? 0);
        return {};
      },
      onResponseError: (_request, error) => refusalOf(error),
    });
  }

  /** Begins an upload, which is the caller's from then on. */
  create(caller: Caller, request: Request, response: Response): Promise<void> {
    return this.#caller.run(caller, () => this.#tus.handle(request, response));
  }

  /** What comes after, of an upload of the caller's tenant. @throws {EdgeRunnerError} `not-found` */
  async goOn(caller: Caller, id: string, request: Request, response: Response): Promise<void> {
    const upload = await this.#of(caller, id);
    if (upload.done && request.method === 'HEAD') {
      // The store has it, tus no more: whoever missed the last answer learns that all is there.
      response
        .status(200)
        .set({
          'tus-resumable': '1.0.0',
          'upload-offset': `${upload.bytes}`,
          'upload-length': `${upload.bytes}`,
          'cache-control': 'no-store',
        })
        .end();
      return;
    }
    await this.#caller.run(caller, () => this.#tus.handle(request, response));
  }

  async remove(caller: Caller, id: string): Promise<void> {
    await this.#of(caller, id);
    await this.forget([id]);
  }

  /** Removes uploads, whole or not, and their rows. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.#blobs.remove(uploadKey(id));
      await this.#sweep(id);
    }
    await deleteUploads(this.#db, ids);
  }

  async #of(caller: Caller, id: string): Promise<UploadRow> {
    const [upload] = await findUploads(this.#db, caller.tenant, [id]);
    if (upload) return upload;
    throw new EdgeRunnerError('not-found', `There is no upload ${id}.`, 'Begin it anew.');
  }

  async #finish(id: string, bytes: number): Promise<void> {
    await this.#blobs.adopt(uploadKey(id), join(this.#folder, id));
    await finishUpload(this.#db, id, bytes);
    await this.#sweep(id);
  }

  /** What tus keeps of an upload: the bytes, and a file about them. */
  async #sweep(id: string): Promise<void> {
    for (const name of [id, `${id}.json`]) await rm(join(this.#folder, name), { force: true });
  }
}

/** For people to read; never a path. */
const nameOf = (name: string | null | undefined): string =>
  isPlain(name ?? '') ? (name ?? '').slice(0, 1024) : 'upload';

function refusalOf(error: Error | { status_code: number; body: string }) {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  const problem = toProblem(full());
  return { status_code: problem.status, body: JSON.stringify(problem) };
}
