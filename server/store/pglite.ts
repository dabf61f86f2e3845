import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { Database, Queries } from './database.ts';
import { FolderLock } from './folder-lock.ts';

/** PostgreSQL inside this process, its data in a folder that is locked for as long. */
export class PgliteDatabase implements Database {
  readonly name: string;
  readonly shared = false;
  readonly #lock: FolderLock;
  readonly #pg: PGlite;

  private constructor(name: string, lock: FolderLock, pg: PGlite) {
    this.name = name;
    this.#lock = lock;
    this.#pg = pg;
  }

  /** @throws {EdgeRunnerError} `data-locked` */
  static async open(folder: string): Promise<PgliteDatabase> {
    const lock = FolderLock.take(folder);
    try {
      const data = join(folder, 'db');
      mkdirSync(data, { recursive: true, mode: 0o700 });
      return new PgliteDatabase(`PGlite in ${folder}`, lock, await PGlite.create(data));
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async query<Row>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#pg.query<Row>(sql, [...params])).rows;
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#pg.transaction((transaction) =>
      work({
        query: async <Row>(sql: string, params: readonly unknown[] = []) =>
          (await transaction.query<Row>(sql, [...params])).rows,
      }),
    );
  }

  async script(sql: string): Promise<void> {
    await this.#pg.exec(sql);
  }

  async listen(channel: string, hear: (payload: string) => void): Promise<void> {
    await this.#pg.listen(channel, hear);
  }

  async close(): Promise<void> {
    try {
      // All that was acknowledged is in the log already; this makes the next start short.
      await this.#pg.query('CHECKPOINT');
      await this.#pg.close();
    } finally {
      this.#lock.release();
    }
  }
}
