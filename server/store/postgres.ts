import pg from 'pg';
import { EdgeRunnerError } from '../../protocol/index.ts';
import type { Database, Queries } from './database.ts';

/** Milliseconds between attempts to hear again after the connection that listens broke. */
const LISTEN_AGAIN = 1_000;

/** A PostgreSQL server, which others may use as well. */
export class PostgresDatabase implements Database {
  readonly name: string;
  readonly shared = true;
  readonly #pool: pg.Pool;
  readonly #url: string;
  readonly #channels = new Map<string, (payload: string) => void>();
  #listener: pg.Client | null = null;
  #again: NodeJS.Timeout | null = null;
  #closed = false;

  private constructor(url: string, pool: pg.Pool) {
    const { hostname, port, pathname } = new URL(url);
    this.name = `PostgreSQL at ${hostname}:${port || 5432}${pathname}`;
    this.#url = url;
    this.#pool = pool;
  }

  static async open(url: string): Promise<PostgresDatabase> {
    const pool = new pg.Pool({
      connectionString: url,
      max: 10,
      types: TYPES,
      application_name: 'edge-runner',
    });
    // A connection that breaks while idle is replaced at its next use.
    pool.on('error', () => {});
    try {
      await pool.query('SELECT 1');
    } catch (error) {
      await pool.end();
      throw error;
    }
    return new PostgresDatabase(url, pool);
  }

  async query<Row>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return again(async () => (await this.#pool.query(sql, [...params])).rows as Row[]);
  }

  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return again(() => this.#transact(work));
  }

  async #transact<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    // One that breaks between two statements says so to nobody else; the next statement fails.
    const breaks = (error: Error) => {
      broken = error;
    };
    client.on('error', breaks);
    try {
      await client.query('BEGIN');
      const result = await work({
        query: async <Row>(sql: string, params: readonly unknown[] = []) =>
          (await client.query(sql, [...params])).rows as Row[],
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(breaks);
      throw error;
    } finally {
      client.off('error', breaks);
      // One that cannot even roll back is of no more use.
      client.release(broken);
    }
  }

  async script(sql: string): Promise<void> {
    await this.#pool.query(sql);
  }

  async listen(channel: string, hear: (payload: string) => void): Promise<void> {
    this.#channels.set(channel, hear);
    if (this.#listener) await this.#listener.query(`LISTEN ${channel}`);
    else await this.#connectListener();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#again) clearTimeout(this.#again);
    await this.#listener?.end().catch(() => {});
    await this.#pool.end();
  }

  async #connectListener(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#url, application_name: 'edge-runner listening' });
    client.on('notification', ({ channel, payload = '' }) => this.#channels.get(channel)?.(payload));
    const lost = () => {
      if (this.#listener === client) this.#listener = null;
      // What was said meanwhile is found by looking: every part of the server looks now and then anyway.
      if (!this.#closed && !this.#again) this.#again = setTimeout(() => this.#hearAgain(), LISTEN_AGAIN);
    };
    client.on('error', lost);
    client.on('end', lost);
    await client.connect();
    for (const channel of this.#channels.keys()) await client.query(`LISTEN ${channel}`);
    this.#listener = client;
  }

  #hearAgain(): void {
    this.#again = null;
    this.#connectListener().catch(() => {
      if (!this.#closed && !this.#again) this.#again = setTimeout(() => this.#hearAgain(), LISTEN_AGAIN);
    });
  }
}

/** Deadlock, and a conflict of serialization. */
const AGAIN = new Set(['40P01', '40001']);
const MOST_TRIES = 5;

/** Of two that wait for each other the database ends one, of which nothing is left: it may be done again. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (isGone(error)) throw unreachable(error);
      if (tries >= MOST_TRIES || !AGAIN.has(codeOf(error))) throw error;
    }
  }
}

/** It goes down, it starts, it takes no more connections; or nobody listens there. */
const GONE = new Set([
  ...['57P01', '57P02', '57P03', '53300', '08000', '08001', '08003', '08006'],
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? '';

/** The package gives a connection that breaks no code. */
const isGone = (error: unknown): boolean =>
  GONE.has(codeOf(error)) || (error instanceof Error && /^Connection terminated/.test(error.message));

const unreachable = (cause: unknown) =>
  new EdgeRunnerError(
    'database-unreachable',
    'The database of the server does not answer.',
    'Try again in a moment: the server goes on by itself when it does.',
    { cause },
  );

const INT8 = 20;

/** `bigint` as a number, as PGlite gives it: ours count, and stay far below 2⁵³. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
};
