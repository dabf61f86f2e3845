import { mkdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { siege } from '../bench/grid/siege.ts';
import { ENGINES, stopPostgres } from '../server/store/testing.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const postgres = ENGINES.find(({ name }) => name === 'PostgreSQL')!;

describe('two servers on one PostgreSQL', () => {
  afterAll(stopPostgres);

  it.skipIf(!postgres.here)(
    `do each of 2,000 tasks once while they are killed in turn${postgres.here ? '' : ' (skipped: PostgreSQL is not here)'}`,
    async () => {
      const database = await postgres.open();
      const folder = workspace.at('servers');
      mkdirSync(folder);
      try {
        const outcome = await siege({
          ...{ databaseUrl: database.url!, folder, tasks: 2_000, nodes: 50 },
          killEveryMs: 2_000,
        });
        expect(outcome.kills).toBeGreaterThanOrEqual(2);
        expect(outcome).toMatchObject({ tasks: { done: 2_000 }, notOnce: 0, overlaps: 0 });
        // They did die in the midst of something.
        expect(outcome.attempts.done).toBe(2_000);
      } finally {
        await database.close();
      }
    },
    300_000,
  );
});
