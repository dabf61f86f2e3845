import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetail, JobEvent, JobView, Offer, ProbeReport, Segment } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { addressJob, reportOf, SimulatedNode } from '../testing-node.ts';

/** Event lines of 50 frames. */
function linesOf(first: number, more: object = {}): string {
  const frame = (i: number) => ({
    v: 1,
    type: 'frame',
    source: 'in',
    frame: first + i,
    time: (first + i) / 25,
    ...more,
  });
  return Array.from({ length: 50 }, (_, i) => `${JSON.stringify(frame(i))}\n`).join('');
}

describe('a source that may be cut', () => {
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

  const join = async (slots = 1) => {
    const node = await SimulatedNode.enrol(server, enrol, { slots }, `node-${nodes.length}`);
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async (more: object = {}) => {
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
      body: {
        spec: addressJob({ segment: 2, ...more }),
      },
    });
    return body.id;
  };
  const show = async (id: string) => (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;
  const states = async (id: string) => (await show(id)).taskList.map(({ kind, state }) => `${kind} ${state}`);
  const take = async (node: SimulatedNode): Promise<Offer> => {
    const offer = await node.next('offer');
    await node.hold(offer);
    return offer;
  };
  const told = async (
    node: SimulatedNode,
    { attempt, lease }: Offer,
    outcome: object,
    answer: 'ack' | 'stale',
  ) => {
    node.send({
      type: 'result',
      attempt,
      lease,
      files: [],
      outcome: { seconds: 1, truncated: false, ...outcome },
    });
    expect(await node.next(answer)).toMatchObject({ attempt });
  };
  const look = async (node: SimulatedNode, report: ProbeReport) => {
    const offer = await take(node);
    expect(offer.work).toMatchObject({ kind: 'probe', segment: null });
    await told(node, offer, { frames: report.frames, plan: report }, 'ack');
  };
  const shownOf = ({ firstTime, lastTime }: Segment) => ({ first: firstTime, last: lastTime });

  it('is looked at, and then worked at in segments, by any node', async () => {
    const one = await join();
    const id = await submit();
    expect(await states(id)).toEqual([expect.stringMatching(/^probe /)]);
    await look(one, reportOf(3));
    const other = await join();
    const given = [await take(one), await take(other)];
    expect(given.map(({ work }) => work.segment!.ordinal)).toEqual([0, 1]);
    expect(await states(id)).toEqual([
      'probe done',
      'process leased',
      'process leased',
      'process queued',
      'stitch blocked',
    ]);
    expect(await show(id)).toMatchObject({ frames: 0, of: 150, tasks: { total: 5 } });
    for (const [i, node] of [one, other].entries()) {
      const { segment } = given[i]!.work;
      await told(node, given[i]!, { frames: 50, shown: shownOf(segment!) }, 'ack');
    }
    expect(await show(id)).toMatchObject({ frames: 100, of: 150 });
  });

  it('that is short is one task', async () => {
    const node = await join();
    const id = await submit();
    await look(node, { ...reportOf(1), whole: 'it is short' });
    const offer = await take(node);
    expect(offer.work).toMatchObject({ kind: 'process', segment: null });
    await told(node, offer, { frames: 50 }, 'ack');
    await expect.poll(async () => (await show(id)).state).toBe('done');
  });

  it('is not looked at where nobody wants it cut, or at its own pace', async () => {
    const node = await join();
    const source = { id: 'in', kind: 'http', url: 'http://127.0.0.1:9/clip.mp4' };
    for (const more of [{ segment: null }, { sources: [{ ...source, realtime: true }] }]) {
      const id = await submit(more);
      const offer = await take(node);
      expect(offer.work.kind, JSON.stringify(more)).toBe('process');
      await told(node, offer, { frames: 10 }, 'ack');
      await expect.poll(async () => (await show(id)).state).toBe('done');
    }
  });

  it('has its last segment tried by an idle node that is faster, and takes whichever is done first', async () => {
    const enrolled = (name: string, fps: number) =>
      SimulatedNode.enrol(server, enrol, { speeds: { cpu: { transcode: fps } } }, name);
    const slow = await enrolled('slow', 10);
    nodes.push(slow);
    await slow.connect();
    const id = await submit();
    await look(slow, reportOf(2));
    const first = await take(slow);
    await told(slow, first, { frames: 50, shown: shownOf(first.work.segment!) }, 'ack');
    const last = await take(slow);
    const { attempt, lease } = last;
    slow.send({ type: 'progress', attempt, lease, seq: 1, frames: 2, of: 50, fps: 0.5 });
    const fast = await enrolled('fast', 100);
    nodes.push(fast);
    await fast.connect();
    const second = await take(fast);
    expect(second.work).toMatchObject({ task: last.work.task, segment: last.work.segment });
    expect(slow.held.map((offer) => offer.attempt)).toEqual([attempt]);
    await told(fast, second, { frames: 50, shown: shownOf(second.work.segment!) }, 'ack');
    expect(await slow.next('cancel')).toMatchObject({ attempt });
    const { taskList } = await show(id);
    expect(taskList[2]!.attempts.map(({ state }) => state)).toEqual(['superseded', 'done']);
  });

  it('has its last segment kept from a node that would take longer for it than others for all that is left', async () => {
    const slow = await join();
    const id = await submit();
    await look(slow, reportOf(5));
    const first = await take(slow);
    const fast = await join();
    const did = async (node: SimulatedNode, offer: Offer) =>
      told(node, offer, { frames: 50, shown: shownOf(offer.work.segment!) }, 'ack');
    const began = performance.now();
    await did(fast, await take(fast));
    const second = await take(fast);
    fast.send({ type: 'pause', reason: { code: 'battery', message: 'on battery' } });
    await did(fast, second);
    // That is what makes the other one slow, however fast this machine is.
    await wait(3 * (performance.now() - began));
    fast.send({ type: 'resume' });
    const third = await take(fast);
    await did(slow, first);
    await did(fast, third);
    const last = await take(fast);
    expect(last.work.segment!.ordinal).toBe(4);
    await did(fast, last);
    expect((await show(id)).frames).toBe(250);
  });

  it('has objects found in its segments, followed through them all, and drawn in a second pass', async () => {
    const node = await join();
    const id = await submit({
      stages: [
        { id: 'detect', kind: 'detect', from: 'in', options: { model: 'street-yolo' } },
        { id: 'track', kind: 'track', from: 'detect' },
        { id: 'overlay', kind: 'overlay', from: 'track' },
      ],
      outputs: [{ id: 'video', kind: 'video', from: 'overlay', name: 'out.mp4', container: 'mp4' }],
    });
    await look(node, reportOf(2));
    const offer = await take(node);
    expect(offer.work).toMatchObject({ kind: 'process', finds: true });
    expect(Object.keys(offer.work.sources)).toEqual(['in']);
    expect(await states(id)).toEqual([
      ...['probe done', 'process leased', 'process queued', 'follow blocked'],
      ...['render blocked', 'render blocked', 'stitch blocked'],
    ]);
    // Both passes are all there is to do.
    expect((await show(id)).of).toBe(100);
    await told(node, offer, { frames: 50, shown: shownOf(offer.work.segment!) }, 'ack');
    expect((await show(id)).frames).toBe(25);
  });

  it('has a segment that is short by a frame worked at again', async () => {
    const node = await join();
    const id = await submit();
    await look(node, reportOf(2));
    const first = await take(node);
    const { segment } = first.work;
    await told(node, first, { frames: 49, shown: shownOf(segment!) }, 'stale');
    // Whichever comes: both are to do.
    for (let i = 0; i < 2; i++) {
      const offer = await take(node);
      await told(node, offer, { frames: 50, shown: shownOf(offer.work.segment!) }, 'ack');
    }
    const { taskList } = await show(id);
    const { attempts } = taskList[1 + segment!.ordinal]!;
    expect(attempts.map(({ state, error }) => [state, error?.code])).toEqual([
      ['failed', 'segment-short'],
      ['done', undefined],
    ]);
    // It is nobody's fault before it is known whose.
    expect(
      (await server.ask<{ nodes: { failures: number }[] }>('GET', '/v1/nodes')).body.nodes[0]!.failures,
    ).toBe(0);
  });

  it.each([
    ['is nothing', 'null\n'],
    ['is no JSON', '{"type":\n'],
    ['has boxes that are none', linesOf(50, { detections: [{ box: 'wide' }] })],
    ['has frames of another one', linesOf(0)],
    ['lacks its last frame', linesOf(50).replace(/[^\n]*\n$/, '')],
  ])('has a segment whose file %s worked at again, and joined after that', async (_what, bad) => {
    const node = await join();
    const id = await submit();
    await look(node, reportOf(2));
    const give = async (offer: Offer, lines: string) => {
      const file = await node.upload(offer, 'events', 'events.ndjson', Buffer.from(lines));
      const { segment } = offer.work;
      node.send({
        ...{ type: 'result', attempt: offer.attempt, lease: offer.lease, files: [file] },
        outcome: { frames: 50, seconds: 1, truncated: false, shown: shownOf(segment!) },
      });
      await node.next('ack');
    };
    const first = await take(node);
    expect(first.work.segment!.ordinal).toBe(0);
    await give(first, linesOf(0));
    await give(await take(node), bad);
    const again = await take(node);
    expect(again.work.segment!.ordinal).toBe(1);
    await give(again, linesOf(50));
    await expect.poll(async () => (await show(id)).state).toBe('done');
    const { taskList, files } = await show(id);
    expect(taskList[2]!.attempts.map(({ state, error }) => [state, error?.code])).toEqual([
      ['failed', 'segment-short'],
      ['done', undefined],
    ]);
    expect(taskList[3]!.attempts.map(({ state }) => state)).toEqual(['returned', 'done']);
    expect(files.map(({ name, task }) => [name, task])).toEqual([['events.ndjson', 3]]);
    const answer = await fetch(new URL(files[0]!.path, server.url), {
      headers: { authorization: `Bearer ${server.admin}` },
    });
    const frames = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { frame?: number });
    expect(frames.slice(0, -1).map(({ frame }) => frame)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('is done in one piece where two attempts agree that it is not what its index says', async () => {
    const node = await join();
    const id = await submit();
    await look(node, reportOf(3));
    const short = (segment: Segment) => ({ frames: 49, shown: shownOf(segment) });
    const first = await take(node);
    const { ordinal } = first.work.segment!;
    await told(node, first, short(first.work.segment!), 'stale');
    for (let tries = 0; tries < 3; tries++) {
      const offer = await take(node);
      const { segment } = offer.work;
      const again = segment!.ordinal === ordinal;
      const outcome = again ? short(segment!) : { frames: 50, shown: shownOf(segment!) };
      await told(node, offer, outcome, again ? 'stale' : 'ack');
      if (again) break;
    }
    const whole = await take(node);
    expect(whole.work).toMatchObject({ kind: 'process', segment: null });
    expect((await states(id)).slice(0, -1)).toEqual([
      'probe done',
      ...Array(3).fill('process cancelled'),
      'stitch cancelled',
    ]);
    const events = await fetch(new URL(`/v1/jobs/${id}/cancel`, server.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${server.admin}` },
    }).then(() =>
      fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
        headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
      }),
    );
    const lines = (await events.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JobEvent);
    expect(lines.find(({ type }) => type === 'source.whole')).toMatchObject({
      data: { message: expect.stringMatching(/in one piece: Segment \d came out as 49 frames/) },
    });
    // Taken up again, it is the whole that is: what was given up stays so.
    await server.ask('POST', `/v1/jobs/${id}/retry`);
    const retried = await take(node);
    expect(retried.work).toMatchObject({ kind: 'process', segment: null });
    await told(node, retried, { frames: 147 }, 'ack');
    await expect.poll(async () => (await show(id)).state).toBe('done');
  });
});
