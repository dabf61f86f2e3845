import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { siege } from '../bench/grid/siege.ts';
import { hasPostgres, startCluster } from '../server/store/testing.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const here = hasPostgres();

describe('two servers on one PostgreSQL', () => {
  it.skipIf(!here)(
    `do each of 2,000 tasks once while they and it are killed in turn${here ? '' : ' (skipped: PostgreSQL is not here)'}`,
    async () => {
      const cluster = await startCluster();
      const folder = workspace.at('servers');
      mkdirSync(folder);
      try {
        const outcome = await siege({
          ...{ databaseUrl: cluster.url, crashDatabase: cluster.crash, folder, tasks: 2_000, nodes: 50 },
          killEveryMs: 1_000,
        });
        // One of them, and the database.
        expect(outcome.kills).toBeGreaterThanOrEqual(2);
        expect(outcome).toMatchObject({ tasks: { done: 2_000 }, notOnce: 0, overlaps: 0 });
        // They did die in the midst of something.
        expect(outcome.attempts.done).toBe(2_000);
      } finally {
        await cluster.stop();
      }
    },
    300_000,
  );
});
