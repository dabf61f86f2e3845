import { open, rm, statfs } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { EdgeRunnerError, type ErrorRecord } from '../protocol/index.ts';

/** Milliseconds between two looks at the disk. */
const LOOK_MS = 250;
/** Free bytes below which nothing more is taken in. */
const LEAST = 32 << 20;
/** Bytes that are held for the database: two segments of its log. Without room for the next one it would die. */
const RESERVE = 32 << 20;
const CHUNK = Buffer.alloc(4 << 20);

/**
 * The disk that the server's data lie on. Before it is full, jobs and bytes are refused with the reason; the database
 * gets a reserve that was held for it, so that what is under way can end and be fetched, and old jobs be deleted.
 */
export class DiskRoom {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #receiving = new Set<IncomingMessage>();
  #full = false;
  #holds = false;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  static async open(folder: string, log: Logger): Promise<DiskRoom> {
    const room = new DiskRoom(folder, log);
    await room.#look();
    room.#again();
    return room;
  }

  /** Bytes that are free on the disk. */
  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#folder);
    return bavail * bsize;
  }

  /** What should be seen to; null while there is room. */
  get problem(): ErrorRecord | null {
    return this.#full ? full().toRecord() : null;
  }

  /** @throws {EdgeRunnerError} `disk-full` */
  require(): void {
    if (this.#full) throw full();
  }

  /** The same, for a request that brings bytes: it is ended when the disk is full meanwhile. */
  receive(request: IncomingMessage): void {
    this.require();
    this.#receiving.add(request);
    request.once('close', () => this.#receiving.delete(request));
  }

  async stop(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#looking;
    await rm(this.#reserve, { force: true });
  }

  get #reserve(): string {
    return join(this.#folder, 'reserve');
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((error: unknown) => this.#log.error({ err: error }, 'looking at the disk failed'))
        .finally(() => {
          if (this.#timer) this.#again();
        });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const free = await this.free();
    if (free < LEAST) {
      if (!this.#full)
        this.#log.error({ free, folder: this.#folder }, 'the disk is full: nothing more is taken in');
      this.#full = true;
      for (const request of this.#receiving) request.destroy(full());
      if (this.#holds) await rm(this.#reserve, { force: true });
      this.#holds = false;
    } else if (!this.#holds && free > 2 * LEAST + RESERVE) {
      await this.#hold();
      if (this.#full) this.#log.info({ free, folder: this.#folder }, 'there is room on the disk again');
      this.#full = false;
    }
  }

  async #hold(): Promise<void> {
    this.#holds = true;
    const file = await open(this.#reserve, 'w', 0o600);
    try {
      for (let at = 0; at < RESERVE; at += CHUNK.length) await file.write(CHUNK, 0, CHUNK.length, at);
    } finally {
      await file.close();
    }
  }
}

export const full = (): EdgeRunnerError =>
  new EdgeRunnerError(
    'disk-full',
    "The server's disk is full.",
    'Whoever runs it: make room, or keep jobs for a shorter time (--keep).',
  );
