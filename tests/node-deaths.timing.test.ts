import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCutClip } from '../bench/grid/cut-clip.ts';
import { DEATH_INTERVALS, DEATH_SEGMENTS, nodeDeaths } from '../bench/grid/node-deaths.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const ROUNDS = 3;

describe('a video on four nodes, two of which die', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer({ intervals: DEATH_INTERVALS });
  });
  afterAll(() => server.stop());

  it.skipIf(!hasFfmpeg)(
    needsFfmpeg(`is whole, and not later than two leases after its time, ${ROUNDS} times`),
    async () => {
      const clip = await makeCutClip(workspace.path, DEATH_SEGMENTS);
      const seed = Date.now() % 2 ** 31;
      const said: string[] = [];
      const rounds = await nodeDeaths({
        ...{ server, clip, folder: workspace.path, rounds: ROUNDS, seed },
        say: (line) => said.push(line),
      });
      // Which round, and the seed that leads there again.
      expect(
        rounds.map(({ faults }) => faults),
        said.join('\n'),
      ).toEqual(Array(ROUNDS).fill([]));
      for (const { seconds, most } of rounds) expect(seconds, said.join('\n')).toBeLessThanOrEqual(most);
    },
    300_000,
  );
});
