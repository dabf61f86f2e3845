import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import type { Request, Response } from 'express';
import { EdgeRunnerError, type ErrorCode, PROBLEM_TYPE, toProblem } from '../protocol/index.ts';
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
    this.#tus = new UploadServer({
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
      onResponseError: (_request, error) => whenFull(error as NodeJS.ErrnoException),
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

/** Its refusals are problem details, as all others here; its clients go by the status, which stays. */
class UploadServer extends Server {
  override async write(...args: Parameters<Server['write']>): ReturnType<Server['write']> {
    const [context, headers, status, body = ''] = args;
    if (status < 400) return super.write(...args);
    headers.set('content-type', PROBLEM_TYPE);
    const problem = toProblem(refusalOf(status, body.trim(), Number(this.options.maxSize)));
    return super.write(context, headers, status, JSON.stringify({ ...problem, status }));
  }
}

/** For people to read; never a path. */
const nameOf = (name: string | null | undefined): string =>
  isPlain(name ?? '') ? (name ?? '').slice(0, 1024) : 'upload';

function refusalOf(status: number, said: string, mostBytes: number): EdgeRunnerError {
  const refusal = (code: ErrorCode, message: string, remedy: string) =>
    new EdgeRunnerError(code, message, remedy);
  switch (status) {
    case FULL_STATUS:
      return full();
    case 413:
      return refusal(
        'body-too-large',
        `An upload may have ${(mostBytes / 2 ** 30).toFixed(1)} GiB here, and this one has more.`,
        'Whoever runs the server can allow more with --most-upload.',
      );
    case 409:
      return refusal('conflict', `${said}.`, 'Ask with HEAD how much has arrived, and go on there.');
    case 404:
    case 410:
      return refusal('not-found', 'There is no such upload any more.', 'Begin it anew.');
    default:
      return status < 500
        ? refusal('request-invalid', `${said}.`, 'See https://tus.io, version 1.0.0.')
        : refusal(
            'server-fault',
            'The upload could not be taken in.',
            'Try again; if it goes on, look into the log of the server.',
          );
  }
}

const FULL_STATUS = 507;

/** tus knows no full disk. */
function whenFull({ code }: NodeJS.ErrnoException) {
  return code === 'ENOSPC' || code === 'EDQUOT' ? { status_code: FULL_STATUS, body: '' } : undefined;
}
