import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobView } from '../protocol/index.ts';
import { QUICK, startTestServer, type TestServer } from '../server/testing.ts';
import { Swallower } from '../server/testing-links.ts';
import { patternJob } from '../server/testing-node.ts';
import { Command, expectNothingLeft } from './support/command.ts';

describe('a headless node that is cut off', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-lost-'));
  let server: TestServer;
  let between: Swallower;
  let node: Command;

  beforeAll(async () => {
    server = await startTestServer({ intervals: { ...QUICK, ttlMs: 6_000 } });
    between = new Swallower(server.url);
    const url = await between.start();
    writeFileSync(join(folder, 'token'), await server.token('enrol'));
    node = await Command.start(['join', url, '--token-file', join(folder, 'token'), '--name', 'far'], {
      env: { XDG_CONFIG_HOME: join(folder, 'config'), EDGE_RUNNER_CACHE: join(folder, 'cache') },
      hung: 300_000,
    });
    await node.until(({ stderr }) => /connected as far/.test(stderr));
  });
  afterAll(async () => {
    node.child.kill('SIGTERM');
    expectNothingLeft(await node.ended);
    await between.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('ends its task when the lease is over by its own clock, comes back by itself, and does it then', async () => {
    const spec = patternJob();
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
      body: { spec: { ...spec, sources: [{ ...spec.sources[0]!, frames: 600, realtime: true }] } },
    });
    await node.until(({ stderr }) => /connected as far, 1 under way$/m.test(stderr));
    between.swallowing = true;
    await node.until(({ stderr }) => /connecting, 1 under way$/m.test(stderr));
    // Nobody could tell it.
    await node.until(({ stderr }) => /(connecting|not connected: .*)$/m.test(lastOf(stderr)));
    between.swallowing = false;
    const told = node.stderr.length;
    await node.until(({ stderr }) => /connected as far, 1 under way$/m.test(stderr.slice(told)));
    await node.until(({ stderr }) => /, 1 done$/m.test(stderr));
    const { state, taskList } = (await server.ask<JobDetail>('GET', `/v1/jobs/${body.id}`)).body;
    expect([state, taskList[0]!.attempts.map((attempt) => attempt.state)]).toEqual([
      'done',
      ['expired', 'done'],
    ]);
  });
});

const lastOf = (text: string): string => text.trim().split('\n').at(-1)!;
