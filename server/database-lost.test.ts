import { describe, expect, it, vi } from 'vitest';
import type { JobDetail, JobView, Problem } from '../protocol/index.ts';
import { hasPostgres, startCluster } from './store/testing.ts';
import { QUICK, startTestServer } from './testing.ts';
import { patternJob, SimulatedNode } from './testing-node.ts';

describe.skipIf(!hasPostgres())('a server whose PostgreSQL dies', () => {
  it('says so, and goes on when it is there again, with what its nodes have', async () => {
    const cluster = await startCluster();
    const server = await startTestServer({
      databaseUrl: cluster.url,
      intervals: { ...QUICK, ttlMs: 60_000, renewMs: 60_000, stallMs: 120_000 },
    });
    try {
      const submit = () =>
        server.ask<JobView & Problem>('POST', '/v1/jobs', { body: { spec: patternJob() } });
      const node = await SimulatedNode.enrol(server, await server.token('enrol'));
      await node.connect();
      const { body: job } = await submit();
      const offer = await node.next('offer');
      await node.hold(offer);

      const startAgain = await cluster.crash();
      const away = { status: 503, body: { code: 'database-unreachable' } };
      expect(await submit()).toMatchObject(away);
      expect(await server.ask('GET', '/readyz')).toMatchObject(away);
      expect((await server.ask('GET', '/healthz')).status).toBe(200);
      // A result that nobody can write down is not taken: the node says it again when it is back.
      node.finish(offer);
      await node.closed;
      await startAgain();

      await vi.waitFor(async () => expect((await server.ask('GET', '/readyz')).status).toBe(200), {
        timeout: 10_000,
      });
      expect((await node.connect()).keep).toEqual([offer.attempt]);
      node.finish(offer);
      await node.next('ack');
      const { body: done } = await server.ask<JobDetail>('GET', `/v1/jobs/${job.id}`);
      expect(done.state).toBe('done');
      expect(done.taskList[0]!.attempts).toHaveLength(1);
      // And the queue is looked at again.
      const { status, body: after } = await submit();
      expect(status).toBe(201);
      const next = await node.next('offer');
      await node.hold(next);
      node.finish(next);
      await node.next('ack');
      expect((await server.ask<JobView>('GET', `/v1/jobs/${after.id}`)).body.state).toBe('done');
      await node.leave();
    } finally {
      await server.stop();
      await cluster.stop();
    }
  });
});
