import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, stopPostgres, type TestDatabase } from './testing.ts';

const { here, open } = ENGINES.find(({ name }) => name === 'PostgreSQL')!;

describe.skipIf(!here)('two that wait for each other in PostgreSQL', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await open();
    await test.database.script(
      `CREATE TABLE pair (id text PRIMARY KEY, n integer NOT NULL DEFAULT 0); INSERT INTO pair VALUES ('b'), ('a')`,
    );
  }, 60_000);
  afterAll(async () => {
    await test.close();
    await stopPostgres();
  });

  const raise = (id: string) => [`UPDATE pair SET n = n + 1 WHERE id = $1`, [id]] as const;

  it('both get their way, whether they are a statement or a transaction', async () => {
    const { database } = test;
    let waiting: Promise<unknown> = Promise.resolve();
    let tries = 0;
    await database.transaction(async (tx) => {
      await tx.query(...raise('a'));
      // Once: if this transaction is the one that the database ends, the statement has already gone through.
      if (++tries === 1) {
        // Takes `b` first, as it lies first, and waits for `a`.
        waiting = database.query('UPDATE pair SET n = n + 10');
        await blocked();
      }
      await tx.query(...raise('b'));
    });
    await waiting;
    const rows = await database.query<{ id: string; n: number }>('SELECT * FROM pair ORDER BY id');
    expect(rows).toEqual([
      { id: 'a', n: 11 },
      { id: 'b', n: 11 },
    ]);
    expect(await deadlocks()).toBeGreaterThan(0);
  }, 60_000);

  /** Until one statement waits for another's row. */
  async function blocked(): Promise<void> {
    const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    while ((await test.database.query(waits)).length === 0) {}
  }

  /** Of this database; the numbers of a connection are told when it rests. */
  async function deadlocks(): Promise<number> {
    const counted = 'SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()';
    for (let tries = 0; tries < 100; tries++) {
      const [row] = await test.database.query<{ n: number }>(counted);
      if (row!.n > 0) return row!.n;
      await new Promise((done) => setTimeout(done, 100));
    }
    return 0;
  }
});
