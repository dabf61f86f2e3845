import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EdgeRunnerError } from '../protocol/index.ts';
import type { BlobStore } from './blobs/store.ts';
import { type DiskRoom, full } from './disk-room.ts';
import type { GuardedAnswer } from './net/guarded-get.ts';
import type { Database } from './store/database.ts';
import { goesOn } from './store/jobs.ts';
import { copyOf, keepCopy } from './store/source-marks.ts';

/** Milliseconds between two looks whether the job that a file is fetched for goes on. */
const WATCH_MS = 5_000;

/**
 * Files whose origins send them from their start only: fetched once for a job, kept with it, and read in parts from
 * then on, by however many nodes.
 */
export class SourceCopies {
  readonly #db: Database;
  readonly #blobs: BlobStore;
  readonly #folder: string;
  readonly #room: Pick<DiskRoom, 'require'>;
  readonly #mostBytes: number;
  /** By job and source, the key that it will have. */
  readonly #coming = new Map<string, Promise<string>>();
  readonly #ending = new AbortController();

  /** @param folder of its own, for what is not whole yet. @param mostBytes of one file. */
  constructor(
    db: Database,
    blobs: BlobStore,
    folder: string,
    room: Pick<DiskRoom, 'require'>,
    mostBytes: number,
  ) {
    this.#db = db;
    this.#blobs = blobs;
    this.#folder = folder;
    this.#room = room;
    this.#mostBytes = mostBytes;
    // What a server was at when it ended.
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Ends what is on its way; nothing of it is left when the promise settles. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error('the server goes down'));
    await Promise.allSettled(this.#coming.values());
  }

  /** Key of the copy; null where there is none, and none is on its way. */
  async find(job: string, source: string): Promise<string | null> {
    return (await this.#coming.get(nameOf(job, source))) ?? copyOf(this.#db, job, source);
  }

  /**
   * Keeps what an origin sends. It goes on when whoever asked has gone: the next one has use for it.
   * @returns its key, when all of it is there.
   * @throws {EdgeRunnerError} `disk-full`, `body-too-large`, what `body` fails with.
   */
  keep(job: string, source: string, { body, header }: GuardedAnswer): Promise<string> {
    const name = nameOf(job, source);
    const under = this.#coming.get(name);
    if (under) {
      body.destroy();
      return under;
    }
    const coming = this.#fetch(job, source, body, header('content-length'));
    this.#coming.set(name, coming);
    coming.catch(() => {}).finally(() => this.#coming.delete(name));
    return coming;
  }

  async #fetch(job: string, source: string, body: Readable, length: string | null): Promise<string> {
    const id = randomUUID();
    const path = join(this.#folder, id);
    const key = `jobs/${job}/source/${id}`;
    let bytes = 0;
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.byteLength;
        try {
          if (bytes > this.#mostBytes) throw tooLarge(this.#mostBytes);
          this.#room.require();
          done(null, chunk);
        } catch (error) {
          done(error as Error);
        }
      },
    });
    const watching = setInterval(() => {
      goesOn(this.#db, job).then(
        (wanted) => wanted || body.destroy(new Error('the job has ended')),
        // It is asked again.
        () => {},
      );
    }, WATCH_MS);
    try {
      if (length !== null && Number(length) > this.#mostBytes) throw tooLarge(this.#mostBytes);
      const { signal } = this.#ending;
      await pipeline(body, counted, createWriteStream(path, { mode: 0o600 }), { signal });
      if (length !== null && bytes !== Number(length))
        throw new EdgeRunnerError(
          'url-unreachable',
          `The address sent ${bytes} of the ${length} bytes that it had announced.`,
          'Try again, or give an address that stays up.',
        );
      await this.#blobs.adopt(key, path);
      let kept: string | null = null;
      try {
        kept = await keepCopy(this.#db, job, source, key);
      } finally {
        // Another was first, or the job is gone.
        if (kept !== key) await this.#blobs.remove(key);
      }
      return kept;
    } catch (error) {
      body.destroy();
      await rm(path, { force: true });
      throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? full() : error;
    } finally {
      clearInterval(watching);
    }
  }
}

const nameOf = (job: string, source: string) => `${job} ${source}`;

const tooLarge = (most: number) =>
  new EdgeRunnerError(
    'body-too-large',
    `The address sends its file from the start only, and it is larger than the ${most} bytes that this server keeps.`,
    'Give an address that answers ranges, or raise --most-upload.',
  );
