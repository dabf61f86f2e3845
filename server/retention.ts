import type { Logger } from 'pino';
import { uploadsOf } from './api/routes/jobs.ts';
import type { BlobStore } from './blobs/store.ts';
import type { Database } from './store/database.ts';
import { deleteJob, oldJobs } from './store/jobs.ts';
import { strayUploads, unnamedOf } from './store/records.ts';
import { dropCopies } from './store/source-marks.ts';
import { deleteIdleStreams } from './store/streams.ts';
import { deleteOldTokens } from './store/tenants.ts';
import { deleteOldViewers } from './store/viewers.ts';
import type { Uploads } from './uploads.ts';

/** Milliseconds between two looks for what is too old. */
const INTERVAL = 10 * 60_000;
/** Seconds that an upload which no job names is kept. */
const KEEP_STRAY = 24 * 3600;
/** Seconds that a token which opens nothing any more is shown as such. */
const KEEP_TOKEN = 7 * 24 * 3600;
/** Seconds that who watched a stream is kept after the end. */
const KEEP_VIEWER = 3600;
/** Seconds that a stream which nobody publishes is kept, with its banner. */
const KEEP_STREAM = 30 * 24 * 3600;
const BATCH = 100;

export interface RetentionOptions {
  db: Database;
  blobs: BlobStore;
  uploads: Uploads;
  log: Logger;
  /** Seconds that a job is kept after its end; null for ever. */
  keepSeconds: number | null;
}

/**
 * Forgets jobs that ended long ago, with their files and uploads, uploads that nothing came of, copies of sources that
 * nobody reads any more, viewers that have left, and streams that nobody publishes any more.
 */
export class Retention {
  readonly #options: RetentionOptions;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#sweeping = this.sweep().catch((error: unknown) =>
      this.#options.log.error({ err: error }, 'forgetting old jobs failed'),
    );
    this.#timer = setTimeout(() => this.start(), INTERVAL);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#sweeping;
  }

  /** All that is too old, a batch at a time. */
  async sweep(): Promise<void> {
    const { db, blobs, uploads, log, keepSeconds } = this.#options;
    if (keepSeconds !== null) while ((await this.#forgetJobs(keepSeconds)) === BATCH && !this.#stopped) {}
    for (let count = BATCH; count === BATCH && !this.#stopped; ) {
      const stray = await strayUploads(db, KEEP_STRAY, BATCH);
      await uploads.forget(stray.map(({ id }) => id));
      count = stray.length;
    }
    for (let count = BATCH; count === BATCH && !this.#stopped; ) {
      const copies = await dropCopies(db, BATCH);
      for (const key of copies) await blobs.remove(key);
      count = copies.length;
    }
    while ((await deleteOldViewers(db, KEEP_VIEWER, BATCH)) === BATCH && !this.#stopped) {}
    for (let count = BATCH; count === BATCH && !this.#stopped; ) {
      const streams = await deleteIdleStreams(db, KEEP_STREAM, BATCH);
      for (const stream of streams) log.info({ stream }, 'stream forgotten');
      count = streams.length;
    }
    await deleteOldTokens(db, KEEP_TOKEN);
  }

  /** @returns how many. */
  async #forgetJobs(keepSeconds: number): Promise<number> {
    const { db, blobs, uploads, log } = this.#options;
    const jobs = await oldJobs(db, keepSeconds, BATCH);
    for (const { id } of jobs) {
      await blobs.remove(`jobs/${id}`);
      await deleteJob(db, id);
      log.info({ job: id }, 'job forgotten');
    }
    // Another job may have the same upload: once no job names it, it goes too.
    const named = [...new Set(jobs.flatMap(({ spec }) => spec.sources.flatMap(uploadsOf)))];
    await uploads.forget(await unnamedOf(db, named));
    return jobs.length;
  }
}
