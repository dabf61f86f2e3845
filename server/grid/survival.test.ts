import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetail, JobView, WrittenFile } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { patternJob, SimulatedNode } from '../testing-node.ts';

/** What a grid has to live through, each brought about on purpose: real sockets, real database, nodes without browsers. */
describe('a grid', () => {
  let server: TestServer;
  let enrol: string;
  let nodes: SimulatedNode[];

  beforeEach(async () => {
    server = await startTestServer();
    enrol = await server.token('enrol');
    nodes = [];
  });
  afterEach(async () => {
    for (const node of nodes) await node.leave();
    await server.stop();
  });

  const join = async (...options: Parameters<typeof SimulatedNode.enrol>[2][]) => {
    const made = await Promise.all(
      options.map((each, i) => SimulatedNode.enrol(server, enrol, each, `node-${i}`)),
    );
    nodes.push(...made);
    for (const node of made) await node.connect();
    return made as [SimulatedNode, ...SimulatedNode[]];
  };
  const submit = async (spec = patternJob()) =>
    (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec } })).body.id;
  const job = async (id: string) => (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;
  /** The job's events to their end, which is the job's. */
  const ended = async (id: string) => {
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    await answer.text();
    return job(id);
  };

  it('does a job', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    expect(offer.work.spec.sources).toMatchObject([{ kind: 'pattern', frames: 10 }]);
    node.accept(offer);
    const file = await node.upload(offer, 'events-0', 'events.ndjson', Buffer.from('{}\n'));
    node.finish(offer, [file]);
    await node.next('ack');
    const done = await ended(id);
    expect(done).toMatchObject({ state: 'done', tasks: { total: 1, done: 1 }, frames: 10 });
    const { body } = await server.ask('GET', done.files[0]!.path);
    expect(body).toEqual({});
  });

  it('takes a result whose files are told in several messages', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    await node.hold(offer);
    const files: WrittenFile[] = [];
    for (let i = 0; i < 5; i++)
      files.push(await node.upload(offer, 'events-0', `part-${i}.ndjson`, Buffer.from(`${i}`)));
    const { attempt, lease } = offer;
    node.send({ type: 'files', attempt, lease, files: files.slice(0, 2) });
    // What was told on a connection that ended is told again.
    node.vanish();
    await node.closed;
    await node.connect();
    node.send({ type: 'files', attempt, lease, files: files.slice(0, 2) });
    node.send({ type: 'files', attempt, lease, files: files.slice(2, 4) });
    node.finish(offer, files.slice(4));
    await node.next('ack');
    const done = await ended(id);
    expect(done.files.map(({ name }) => name).sort()).toEqual(files.map(({ name }) => name));
  });

  it('gives the task of a node that was killed to another', async () => {
    const id = await submit();
    const [first] = await join({});
    const offer = await first.next('offer');
    first.accept(offer);
    first.vanish();
    const [second] = await join({});
    const again = await second.next('offer');
    expect(again.attempt).not.toBe(offer.attempt);
    second.accept(again);
    second.finish(again);
    const { state, taskList } = await ended(id);
    expect(state).toBe('done');
    expect(taskList[0]!.attempts.map((attempt) => attempt.state)).toEqual(['expired', 'done']);
  });

  it('lets a node that comes back in time keep its task', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    await node.hold(offer);
    node.vanish();
    const { keep } = await node.connect();
    expect(keep).toEqual([offer.attempt]);
    node.finish(offer);
    const { state, taskList } = await ended(id);
    expect(state).toBe('done');
    expect(taskList[0]!.attempts).toHaveLength(1);
  });

  it('listens to the newer of two connections of a node, whichever ends first', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    await node.hold(offer);
    const old = node.closed;
    const { keep } = await node.connect();
    expect(keep).toEqual([offer.attempt]);
    expect(await old).toEqual({ code: 4001 });
    node.finish(offer);
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  it('says stale to a result that comes after the task was given to another', async () => {
    const id = await submit();
    const [late] = await join({});
    const offer = await late.next('offer');
    late.accept(offer);
    late.vanish();
    const [second] = await join({});
    const again = await second.next('offer');
    await late.connect({ renew: false });
    late.finish(offer);
    expect(await late.next('stale')).toMatchObject({ attempt: offer.attempt });
    await expect(late.upload(offer, 'events-0', 'x', Buffer.from('x'))).rejects.toThrow(/409.*stale/);
    second.accept(again);
    second.finish(again);
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  it('withdraws what a node does not answer, and stops what goes no further', async () => {
    const id = await submit();
    const [deaf] = await join({});
    const offer = await deaf.next('offer');
    expect(await deaf.next('cancel')).toMatchObject({ attempt: offer.attempt, reason: 'withdrawn' });
    const again = await deaf.next('offer');
    deaf.accept(again);
    expect(await deaf.next('cancel')).toMatchObject({ attempt: again.attempt, reason: 'stalled' });
    const [good] = await join({});
    const third = await good.next('offer');
    good.accept(third);
    good.finish(third);
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  it('suspends a node that fails everything, and goes on with the others', async () => {
    const [bad] = await join({
      slots: 8,
      onOffer: (offer, node) => {
        node.accept(offer);
        node.fail(offer);
      },
    });
    const id = await submit(patternJob(8));
    expect(await bad.next('drain')).toMatchObject({
      hold: { state: 'suspended', reason: expect.stringMatching(/tasks failed/), until: expect.any(String) },
    });
    const [good] = await join({
      slots: 4,
      onOffer: (offer, node) => {
        node.accept(offer);
        node.finish(offer);
      },
    });
    expect(await ended(id)).toMatchObject({ state: 'done', tasks: { done: 8 } });
    const { body } = await server.ask<{ nodes: { id: string; state: string; reason: string }[] }>(
      'GET',
      '/v1/nodes',
    );
    expect(body.nodes.find((node) => node.id === bad.id)).toMatchObject({ state: 'suspended' });
    expect(body.nodes.find((node) => node.id === good.id)).toMatchObject({ state: 'active' });
  });

  it('buries a task that kills every node, and keeps the nodes', async () => {
    const id = await submit();
    for (let n = 0; n < 4; n++) {
      const [node] = await join({});
      const offer = await node.next('offer');
      await node.hold(offer);
      node.vanish();
      node.forget();
      // Started anew, it knows nothing of what it did.
      await node.connect();
    }
    const done = await ended(id);
    expect(done).toMatchObject({ state: 'failed', error: { code: 'node-lost' } });
    expect(done.taskList[0]!.state).toBe('dead');
    const { body } = await server.ask<{ nodes: { state: string }[] }>('GET', '/v1/nodes');
    expect(body.nodes.map(({ state }) => state)).toEqual(['active', 'active', 'active', 'active']);
  });

  it('takes what is said twice, or in another order, once', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    const { attempt, lease } = offer;
    node.send({ type: 'progress', attempt, lease, seq: 3, frames: 9, of: 10, fps: 1 });
    node.accept(offer);
    node.accept(offer);
    node.send({ type: 'progress', attempt, lease, seq: 1, frames: 2, of: 10, fps: 1 });
    node.finish(offer);
    node.finish(offer);
    node.accept(offer);
    node.fail(offer);
    await node.next('ack');
    const done = await ended(id);
    expect(done).toMatchObject({ state: 'done', frames: 10 });
    expect(done.taskList[0]!.attempts.map(({ state }) => state)).toEqual(['done']);
  });

  it('is taken up by a server that is started anew, its tasks not done again', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    await node.hold(offer);
    await server.running.close();
    await node.closed;
    server = await startTestServer({}, server);
    node.url = server.url;
    const { keep } = await node.connect();
    expect(keep).toEqual([offer.attempt]);
    node.finish(offer);
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  it('ends the connection of a node that is revoked, and gives its work to others at once', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    node.accept(offer);
    expect((await server.ask('DELETE', `/v1/nodes/${node.id}`)).status).toBe(204);
    expect(await node.next('revoke')).toMatchObject({ code: 'node-revoked' });
    await node.closed;
    const [other] = await join({});
    const again = await other.next('offer');
    other.accept(again);
    other.finish(again);
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  it('lets a node that drains finish, and gives it nothing more', async () => {
    const [node] = await join({ slots: 2 });
    const first = await submit();
    const offer = await node.next('offer');
    node.accept(offer);
    expect((await server.ask('POST', `/v1/nodes/${node.id}/drain`)).status).toBe(200);
    await node.next('drain');
    const second = await submit();
    node.finish(offer);
    await node.next('ack');
    expect(await ended(first)).toMatchObject({ state: 'done' });
    expect(await job(second)).toMatchObject({ state: 'queued' });
    await server.ask('POST', `/v1/nodes/${node.id}/enable`);
    await node.next('resume');
    const again = await node.next('offer');
    node.accept(again);
    node.finish(again);
    expect(await ended(second)).toMatchObject({ state: 'done' });
  });

  it('stops what is under way for a job that is cancelled', async () => {
    const id = await submit();
    const [node] = await join({});
    const offer = await node.next('offer');
    node.accept(offer);
    await server.ask('POST', `/v1/jobs/${id}/cancel`);
    expect(await node.next('cancel')).toMatchObject({ attempt: offer.attempt });
    expect(await ended(id)).toMatchObject({ state: 'cancelled' });
  });

  it('never gives a job for trusted nodes to another', async () => {
    const [untrusted] = await join({});
    const id = await submit(patternJob(1, { placement: { backend: 'auto', trust: 'trusted', labels: [] } }));
    const open = await submit();
    const offer = await untrusted.next('offer');
    expect(offer.work.job).toBe(open);
    untrusted.accept(offer);
    untrusted.finish(offer);
    await ended(open);
    expect(await job(id)).toMatchObject({ state: 'queued' });
    enrol = await server.token('enrol', { trust: 'trusted' });
    const [trusted] = await join({});
    expect((await trusted.next('offer')).work.job).toBe(id);
  });
});
