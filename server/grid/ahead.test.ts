import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobView, Offer } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { addressJob, reportOf, SimulatedNode } from '../testing-node.ts';

const SEGMENTS = 6;
const REPORT = reportOf(SEGMENTS);

describe('a node that prepares the next segment while it works at one', () => {
  let server: TestServer;
  let enrol: string;
  let nodes: SimulatedNode[];

  beforeEach(async () => {
    server = await startTestServer({ allowAddresses: ['127.0.0.1'] });
    enrol = await server.token('enrol');
    nodes = [];
  });
  afterEach(async () => {
    for (const node of nodes) await node.leave();
    await server.stop();
  });

  const join = async (ahead = 1) => {
    const node = await SimulatedNode.enrol(server, enrol, { ahead });
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async () => {
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
      body: {
        spec: addressJob(),
      },
    });
    return body.id;
  };
  const take = async (node: SimulatedNode): Promise<Offer> => {
    const offer = await node.next('offer');
    await node.hold(offer);
    return offer;
  };
  const finish = async (node: SimulatedNode, { attempt, lease, work }: Offer) => {
    const { segment } = work;
    node.send({
      ...{ type: 'result', attempt, lease, files: [] },
      outcome: {
        ...{ frames: segment?.frames ?? REPORT.frames, seconds: 1, truncated: false },
        ...(segment ? { shown: { first: segment.firstTime, last: segment.lastTime } } : { plan: REPORT }),
      },
    });
    expect(await node.next('ack')).toMatchObject({ attempt });
  };
  const say = (node: SimulatedNode, { attempt, lease }: Offer, seq: number, more: object) =>
    node.send({ type: 'progress', attempt, lease, seq, frames: 0, of: 50, fps: 0, ...more });
  /** After this message all that came before it has been dealt with. */
  const settled = async (node: SimulatedNode) => {
    node.send({ type: 'ping' });
    await node.next('pong');
  };
  const offers = (node: SimulatedNode) => node.received.filter(({ type }) => type === 'offer').length;

  it('is given it once it is known how long it takes for one, and no further one', async () => {
    const node = await join();
    await submit();
    await finish(node, await take(node));
    const first = await take(node);
    await settled(node);
    expect(offers(node), 'nothing is known of it yet').toBe(0);
    await finish(node, first);
    const both = [await take(node), await take(node)];
    expect(both.map(({ work }) => work.segment!.ordinal)).toEqual([1, 2]);
    await settled(node);
    expect(offers(node)).toBe(0);
    await finish(node, both[0]!);
    expect((await take(node)).work.segment!.ordinal).toBe(3);
  });

  it('is given nothing ahead where it did not say that it prepares anything', async () => {
    const node = await join(0);
    await submit();
    await finish(node, await take(node));
    await finish(node, await take(node));
    await take(node);
    await settled(node);
    expect(offers(node)).toBe(0);
  });

  it('is given nothing ahead that another is free to begin', async () => {
    const [one, other] = [await join(), await join()];
    await submit();
    const asked = [one, other].find((node) => offers(node) > 0) ?? one;
    await finish(asked, await take(asked));
    const given = await Promise.all([take(one), take(other)]);
    await finish(one, given[0]);
    await take(one);
    const ahead = await take(one);
    expect(ahead.work.segment!.ordinal).toBe(3);
    // Whoever has nothing is asked first.
    await finish(other, given[1]);
    expect((await take(other)).work.segment!.ordinal).toBe(4);
  });

  it('keeps what waits for its turn, however long that is', async () => {
    const node = await join();
    const id = await submit();
    await finish(node, await take(node));
    await finish(node, await take(node));
    const [now, next] = [await take(node), await take(node)];
    const began = Date.now();
    // Longer than an attempt may stand still that has its turn.
    for (let seq = 1; Date.now() - began < 9_000; seq++) {
      say(node, now, seq, { frames: Math.min(50, seq) });
      say(node, next, seq, { waits: true });
      await settled(node);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await finish(node, now);
    await finish(node, next);
    const { body } = await server.ask<{ taskList: { state: string; attempts: unknown[] }[] }>(
      'GET',
      `/v1/jobs/${id}`,
    );
    expect(body.taskList.filter(({ attempts }) => attempts.length > 1)).toEqual([]);
  });
});
