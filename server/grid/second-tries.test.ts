import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetail, JobView, Offer } from '../../protocol/index.ts';
import { startTestServer, type TestServer, UNHURRIED } from '../testing.ts';
import { addressJob, patternJob, SimulatedNode } from '../testing-node.ts';

const CODEC = { code: 'input-codec', message: 'hevc cannot be decoded', remedy: 'Convert it.', retry: true };

describe('a task that failed once', () => {
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

  const join = async (slots = 1) => {
    const node = await SimulatedNode.enrol(server, enrol, { slots }, `node-${nodes.length}`);
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async (tasks = 1) =>
    (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob(tasks) } })).body.id;
  const show = async (id: string) => (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;
  const ended = async (id: string) => {
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    await answer.text();
    return show(id);
  };
  const fail = (node: SimulatedNode, { attempt, lease }: Offer, error: object) =>
    node.send({ type: 'fail', attempt, lease, ...error });

  it.each([
    ['disabled', (id: string) => server.ask('POST', `/v1/nodes/${id}/disable`)],
    ['draining', (id: string) => server.ask('POST', `/v1/nodes/${id}/drain`)],
    ['paused', null],
    ['about to leave', null],
  ])('is tried again where it failed when the only other node is %s', async (how, set) => {
    const good = await join();
    const other = await join();
    if (set) await set(other.id);
    else if (how === 'paused')
      other.send({ type: 'pause', reason: { code: 'battery', message: 'on battery' } });
    else other.send({ type: 'drain' });
    // Whatever it said is known when it is answered.
    other.send({ type: 'ping' });
    await other.next('pong');
    const id = await submit();
    const first = await good.next('offer');
    good.accept(first);
    good.fail(first);
    const second = await good.next('offer');
    good.accept(second);
    good.finish(second);
    expect((await ended(id)).taskList[0]!.attempts.map(({ state }) => state)).toEqual(['failed', 'done']);
  });

  it('does not hold up others while it waits for a node that is busy', async () => {
    const frail = await join(12);
    const lost = await submit(12);
    const offers: Offer[] = [];
    for (let i = 0; i < 12; i++) {
      offers.push(await frail.next('offer'));
      frail.accept(offers[i]!);
    }
    await frail.hold(offers[11]!);
    const busy = await join();
    await submit();
    const long = await busy.next('offer');
    await busy.hold(long);
    // It comes back knowing nothing: twelve tasks have failed there, and could be done by the other one.
    frail.vanish();
    frail.forget();
    await frail.connect();
    const id = await submit(40);
    for (let i = 0; i < 40; i++) {
      const offer = await frail.next('offer');
      expect(offer.work.job).toBe(id);
      frail.accept(offer);
      frail.finish(offer);
    }
    expect((await ended(id)).state).toBe('done');
    expect((await show(lost)).tasks).toMatchObject({ done: 0, failed: 0 });
    busy.finish(long);
  });

  it('is asked of no node that cannot read it, however many cannot, while one may that can', async () => {
    const id = await (async () => {
      const blind: SimulatedNode[] = [];
      for (let i = 0; i < 6; i++) blind.push(await join());
      const job = await submit();
      for (const node of blind)
        void node.next('offer').then((offer) => {
          node.accept(offer);
          // Only the last one reads it.
          if (node === blind.at(-1)) node.finish(offer);
          else fail(node, offer, CODEC);
        });
      return job;
    })();
    const { state, taskList } = await ended(id);
    expect(state).toBe('done');
    const tried = taskList[0]!.attempts.map(({ node }) => node);
    expect(new Set(tried).size).toBe(tried.length);
  });

  it('waits for a node that can read it and takes no work just now', async () => {
    const blind = await join();
    const mac = await join();
    mac.send({ type: 'pause', reason: { code: 'battery', message: 'on battery' } });
    mac.send({ type: 'ping' });
    await mac.next('pong');
    const id = await submit();
    const offer = await blind.next('offer');
    blind.accept(offer);
    fail(blind, offer, CODEC);
    // Long enough to have been judged: another task has come and gone.
    const other = await submit();
    const second = await blind.next('offer');
    blind.accept(second);
    blind.finish(second);
    expect((await ended(other)).state).toBe('done');
    expect((await show(id)).taskList[0]!.state).toBe('queued');
    mac.send({ type: 'resume' });
    const third = await mac.next('offer');
    mac.accept(third);
    mac.finish(third);
    expect((await ended(id)).state).toBe('done');
  });

  it('fails at once, and says why, when none of the nodes can read it', async () => {
    const node = await join();
    const id = await submit();
    const offer = await node.next('offer');
    node.accept(offer);
    fail(node, offer, CODEC);
    const { state, error, taskList } = await ended(id);
    expect(state).toBe('failed');
    expect(error).toMatchObject({ code: 'input-codec', message: CODEC.message });
    expect(taskList[0]!.attempts.length).toBe(1);
  });

  it('tells nobody the addresses that were signed for its node', async () => {
    const node = await join();
    const id = await submit();
    const offer = await node.next('offer');
    node.accept(offer);
    fail(node, offer, {
      ...{ code: 'input-not-media', remedy: 'none', retry: false },
      message: 'Error: http://127.0.0.1:5/v1/sources/abc.def?x=1 gave nothing',
    });
    const text = JSON.stringify(await ended(id));
    expect(text).toContain('Error: its source gave nothing');
    expect(text).not.toContain('abc.def');
  });
});

describe('a look at a source', () => {
  it('is another node’s as soon as the one that has it is gone, whatever is left of its lease', async () => {
    const server = await startTestServer({ allowAddresses: ['127.0.0.1'], intervals: UNHURRIED });
    const nodes: SimulatedNode[] = [];
    try {
      const enrol = await server.token('enrol');
      const join = async (name: string) => {
        const node = await SimulatedNode.enrol(server, enrol, {}, name);
        nodes.push(node);
        await node.connect();
        return node;
      };
      const lost = await join('lost');
      const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
        body: {
          spec: addressJob(),
        },
      });
      await lost.hold(await lost.next('offer'));
      const other = await join('other');
      lost.vanish();
      const offer = await other.next('offer');
      expect(offer.work.kind).toBe('probe');
      const { taskList } = (await server.ask<JobDetail>('GET', `/v1/jobs/${body.id}`)).body;
      expect(taskList[0]!.attempts.map(({ state }) => state)).toEqual(['leased', 'offered']);
    } finally {
      for (const node of nodes) await node.leave();
      await server.stop();
    }
  });
});
