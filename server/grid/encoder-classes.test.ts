import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent, JobView, Offer } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { CAPABILITIES, reportOf, SimulatedNode } from '../testing-node.ts';

const SEGMENTS = 3;
const REPORT = reportOf(SEGMENTS);

const [ONE, OTHER] = ['00000000000a', '00000000000b'];

describe('encoders of several classes', () => {
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

  /** A node that encodes these, each in a class. */
  const join = async (encoderClasses: Record<string, string>, fps = 30, slots = 1) => {
    const encode = Object.fromEntries(
      Object.keys(encoderClasses).map((codec) => [codec, 'software'] as const),
    );
    const node = await SimulatedNode.enrol(server, enrol, {
      ...{ slots, speeds: { cpu: { transcode: fps } } },
      capabilities: { ...CAPABILITIES, encode, encoderClasses },
    });
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async (video: object, placement: object = {}) => {
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
      body: {
        spec: {
          v: 1,
          sources: [{ id: 'in', kind: 'http', url: 'http://127.0.0.1:9/clip.mp4' }],
          outputs: [{ id: 'out', kind: 'video', from: 'in', name: 'out.mp4', container: 'mp4', ...video }],
          placement,
        },
      },
    });
    return body.id;
  };
  const take = async (node: SimulatedNode): Promise<Offer> => {
    const offer = await node.next('offer');
    await node.hold(offer);
    return offer;
  };
  const finish = async (node: SimulatedNode, { attempt, lease }: Offer, outcome: object) => {
    node.send({
      ...{ type: 'result', attempt, lease, files: [] },
      outcome: { seconds: 1, truncated: false, ...outcome },
    });
    expect(await node.next('ack')).toMatchObject({ attempt });
  };
  const done = async (node: SimulatedNode, offer: Offer) => {
    const { frames, firstTime, lastTime } = offer.work.segment!;
    await finish(node, offer, { frames, shown: { first: firstTime, last: lastTime } });
  };
  /** Whichever node is asked looks at the source. */
  const look = async () => {
    const asked = () => nodes.find(({ received }) => received.some(({ type }) => type === 'offer'));
    await expect.poll(asked).toBeTruthy();
    const node = asked()!;
    const offer = await take(node);
    expect(offer.work.kind).toBe('probe');
    await finish(node, offer, { frames: REPORT.frames, plan: REPORT });
  };
  const offersTo = (node: SimulatedNode) =>
    node.received.filter((message): message is Offer => message.type === 'offer').map(({ work }) => work);
  const segmentsOf = (node: SimulatedNode) => offersTo(node).filter(({ segment }) => segment);
  /** Why the job waits, as soon as it does. */
  const waitingOf = async (id: string) => {
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    let text = '';
    // Left early, the stream is given up.
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const waiting = /"waiting":"([^"]+)"/.exec(text)?.[1];
      if (waiting) return waiting;
    }
    throw new Error('the job ended');
  };
  const eventsOf = async (id: string) => {
    await server.ask('POST', `/v1/jobs/${id}/cancel`);
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    return (await answer.text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JobEvent);
  };

  it('write one video in one class, that of the most speed', async () => {
    const slow = await join({ h264: ONE }, 30);
    const fast = await join({ h264: OTHER }, 50);
    const also = await join({ h264: ONE }, 30);
    await submit({ codec: 'h264' });
    await look();
    const given = await Promise.all([take(slow), take(also)]);
    await Promise.all([done(slow, given[0]), done(also, given[1])]);
    await done(slow, await take(slow));
    expect(segmentsOf(fast)).toEqual([]);
  });

  it('write it together once no node of the first class is left, and the job says so', async () => {
    const other = await join({ h264: OTHER }, 30);
    const one = await join({ h264: ONE }, 50);
    const id = await submit({ codec: 'h264' });
    await look();
    await done(one, await take(one));
    one.vanish();
    const rest = [await take(other)];
    await done(other, rest[0]!);
    rest.push(await take(other));
    expect(rest.map(({ work }) => work.segment!.ordinal).sort()).toEqual([1, 2]);
    const said = (await eventsOf(id)).filter(({ type }) => type === 'source.mixed');
    expect(said.map(({ data }) => (data as { message: string }).message)).toEqual([
      expect.stringContaining(`h264 encoders of class ${ONE}`),
    ]);
  });

  it.each(['hevc', 'av1'])('never write %s together: the job waits, and says for what', async (codec) => {
    const other = await join({ [codec]: OTHER }, 30);
    const one = await join({ [codec]: ONE }, 50);
    const id = await submit({ codec }, { encoderClass: 'any' });
    await look();
    await done(one, await take(one));
    one.vanish();
    expect(await waitingOf(id)).toContain(
      `the 1 node that is connected has ${codec} encoders of class ${ONE}`,
    );
    expect(segmentsOf(other)).toEqual([]);
    // Somebody of its class may come at any time.
    const late = await join({ [codec]: ONE });
    expect((await take(late)).work.segment).toBeTruthy();
  });

  it('write it together where the job lets them', async () => {
    const one = await join({ h264: ONE });
    const other = await join({ h264: OTHER });
    await submit({ codec: 'h264' }, { encoderClass: 'any' });
    await look();
    const ordinals = (await Promise.all([take(one), take(other)])).map(({ work }) => work.segment!.ordinal);
    expect(ordinals.sort()).toEqual([0, 1]);
  });

  it('write it in the class that the job names, and in no other', async () => {
    const fast = await join({ h264: OTHER }, 50);
    const named = await join({ h264: ONE }, 5);
    await submit({ codec: 'h264' }, { encoderClass: ONE });
    await look();
    expect((await take(named)).work.segment).toBeTruthy();
    expect(segmentsOf(fast)).toEqual([]);
  });

  it('write one codec, where the job names none and each node might choose another', async () => {
    const without = await join({ vp9: ONE }, 50);
    const having = await join({ h264: ONE, vp9: ONE }, 5);
    await submit({});
    await look();
    const offer = await take(having);
    expect(offer.work.spec.outputs).toMatchObject([{ kind: 'video', codec: 'h264' }]);
    expect(segmentsOf(without)).toEqual([]);
  });
});
