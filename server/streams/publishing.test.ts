import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BannerView, KeptBanner, Problem, StreamView } from '../../protocol/index.ts';
import { QUICK, startTestServer, type TestServer } from '../testing.ts';
import { Swallower } from '../testing-links.ts';
import { postOffer, SimulatedTab, type TabOptions } from '../testing-tab.ts';

/** Long enough that nothing ends while a test looks, so that what ends, ends for another reason. */
const PATIENT = { ...QUICK, ttlMs: 60_000, answerMs: 60_000 };
const BRIEF = { ...QUICK, ttlMs: 1_500, pingMs: 200 };

const SHOWN = { layers: [{ id: 'name', kind: 'lower-third', title: 'Ada' }] };

describe('a tab that publishes', () => {
  let server: TestServer;
  let token: string;
  const run = async (intervals: typeof QUICK) => {
    server = await startTestServer({ intervals });
    token = await server.token('publish');
  };
  const publish = (options: Partial<TabOptions> = {}, url = server.url) =>
    SimulatedTab.publish(url, { token, ...options });
  const show = async (id: string) => (await server.ask<StreamView>('GET', `/v1/streams/${id}`)).body;
  const watch = async ({ published: { path } }: { published: { path: string } }) => {
    const answer = await postOffer(server.url, path, token);
    expect(answer.status).toBe(201);
    return answer.headers.get('location')!.split('/').at(-1)!;
  };
  afterEach(() => server.stop());

  describe('and comes back in time', () => {
    beforeEach(() => run(PATIENT));

    it('has its stream and its viewers back, and the offers that came meanwhile', async () => {
      const tab = await publish();
      const { stream } = tab.published;
      const viewer = await watch(tab);
      await tab.vanish();
      expect(await show(stream)).toMatchObject({ state: 'live', viewers: 1 });
      const meanwhile = postOffer(server.url, tab.published.path, token);
      await expect.poll(async () => (await show(stream)).viewers).toBe(2);
      const again = await tab.connect();
      expect(again).toMatchObject({ stream, ttlMs: PATIENT.ttlMs, pingMs: PATIENT.pingMs });
      expect(again.viewers).toHaveLength(2);
      expect(again.viewers[0]).toBe(viewer);
      expect((await meanwhile).status).toBe(201);
      await tab.vanish();
    });

    it('or says that it does not: its stream is idle at once, and another tab may have the name', async () => {
      const tab = await publish();
      await watch(tab);
      const { stream } = tab.published;
      tab.send({ type: 'leave' });
      expect((await tab.closed).code).toBe(1000);
      expect((await show(stream)).state).toBe('idle');
      await expect.poll(async () => (await show(stream)).viewers).toBe(0);
      const other = await publish();
      expect(other.published).toMatchObject({ stream, viewers: [] });
      await other.vanish();
    });

    it('takes the place of its own connection, and of nobody else’s', async () => {
      const tab = await publish();
      const second = await publish({ session: tab.session });
      expect((await tab.closed).code).toBe(4001);
      expect(second.published.stream).toBe(tab.published.stream);
      await expect(publish()).rejects.toMatchObject({ code: 'conflict' });
      await watch(second);
      await second.vanish();
      // It may come back: still nobody else's.
      await expect(publish()).rejects.toMatchObject({ code: 'conflict' });
    });

    it('is sent away when its stream is deleted, and may make another of that name', async () => {
      const tab = await publish();
      await watch(tab);
      const { stream } = tab.published;
      expect((await server.ask('DELETE', `/v1/streams/${stream}`, { token })).status).toBe(204);
      expect(await tab.next('refused')).toMatchObject({ code: 'not-found' });
      await tab.closed;
      expect((await server.ask('GET', `/v1/streams/${stream}`)).status).toBe(404);
      const again = await publish();
      expect(again.published).toMatchObject({ viewers: [], banner: null });
      expect(again.published.stream).not.toBe(stream);
      await again.vanish();
    });

    it('goes on with its stream, and makes no other one when that was deleted meanwhile', async () => {
      const tab = await publish();
      const { stream } = tab.published;
      await tab.vanish();
      const back = await publish({ session: tab.session, stream });
      expect(back.published.stream).toBe(stream);
      await back.vanish();
      await server.ask('DELETE', `/v1/streams/${stream}`, { token });
      const again = { session: tab.session, stream };
      await expect(publish(again)).rejects.toMatchObject({ code: 'not-found' });
      expect((await server.ask('GET', '/v1/streams')).body).toEqual({ streams: [] });
      // Nor does it take up what somebody else has published by its name since.
      const other = await publish();
      await other.vanish();
      await expect(publish(again)).rejects.toMatchObject({ code: 'not-found' });
      expect(await show(other.published.stream)).toMatchObject({ state: 'live' });
    });

    it('goes on after the server was started anew', async () => {
      const tab = await publish();
      const viewer = await watch(tab);
      await server.ask('PUT', `/v1/streams/${tab.published.stream}/banner`, { token, body: SHOWN });
      await server.running.close();
      expect((await tab.closed).code).toBe(1012);
      server = await startTestServer({ intervals: PATIENT }, server);
      const back = await publish({ session: tab.session });
      expect(back.published).toMatchObject({
        ...{ stream: tab.published.stream, viewers: [viewer] },
        banner: { revision: 1, state: { layers: [{ title: 'Ada' }] } },
      });
      await watch(back);
      await back.vanish();
    });
  });

  describe('and does not', () => {
    beforeEach(() => run(BRIEF));

    it('leaves an idle stream, whose viewers have ended and whose name another tab may have', async () => {
      const tab = await publish();
      const { stream } = tab.published;
      await watch(tab);
      await tab.vanish();
      await expect.poll(() => show(stream)).toMatchObject({ state: 'idle', viewers: 0 });
      const other = await publish();
      expect(other.published).toMatchObject({ stream, viewers: [] });
      await watch(other);
      expect((await show(stream)).state).toBe('live');
      await other.vanish();
    });

    it('is taken as gone when it is silent, though its connection seems open', async () => {
      const link = new Swallower(server.url);
      const url = await link.start();
      try {
        const tab = await publish({}, url);
        link.swallowing = true;
        await expect.poll(() => show(tab.published.stream)).toMatchObject({ state: 'idle' });
      } finally {
        await link.stop();
      }
    });

    it('is heard of for as long as it answers, though it says nothing', async () => {
      const tab = await publish();
      const { stream } = tab.published;
      const before = (await show(stream)).seenAt;
      // So long that it would be idle by then.
      await expect
        .poll(async () => Date.parse((await show(stream)).seenAt) - Date.parse(before))
        .toBeGreaterThan(2 * BRIEF.ttlMs);
      expect((await show(stream)).state).toBe('live');
      await tab.vanish();
    });

    it('is forgotten by a server that was started anew, too', async () => {
      const tab = await publish();
      await watch(tab);
      await server.running.close();
      server = await startTestServer({ intervals: BRIEF }, server);
      const { stream } = tab.published;
      await expect.poll(() => show(stream)).toMatchObject({ state: 'idle', viewers: 0 });
    });
  });

  it('is told to come back when its stream was taken as gone, and that another has it only when one has', async () => {
    // Nobody asks it for a sign of life.
    await run({ ...BRIEF, pingMs: 60_000 });
    const tab = await publish();
    expect((await tab.closed).code).toBe(1012);
    expect((await show(tab.published.stream)).state).toBe('idle');
    const other = await publish();
    expect(other.published.stream).toBe(tab.published.stream);
    const second = await publish({ session: other.session });
    expect((await other.closed).code).toBe(4001);
    await second.vanish();
  });

  describe('has its banner', () => {
    beforeEach(() => run(PATIENT));

    it('set from outside and by itself, with one revision for both', async () => {
      const tab = await publish();
      const path = `/v1/streams/${tab.published.stream}/banner`;
      expect(tab.published.banner).toBeNull();
      expect((await server.ask('GET', path)).body).toEqual({ revision: 0, state: null });
      const put = await server.ask<KeptBanner>('PUT', path, { token, body: SHOWN });
      expect(put).toMatchObject({ status: 200, body: { revision: 1, state: { v: 1 } } });
      const told = await tab.next('banner');
      expect(told).toMatchObject({ revision: 1, edit: 0, state: put.body.state });
      // What was left out is filled in.
      expect(told.state.layers[0]).toMatchObject({ title: 'Ada', shown: true, side: 'left' });
      tab.send({ type: 'banner', edit: 4, state: { layers: [] } });
      expect(await tab.next('banner')).toMatchObject({ revision: 2, edit: 4, state: { v: 1, layers: [] } });
      expect((await server.ask<BannerView>('GET', path)).body).toEqual({
        ...{ revision: 2, state: { v: 1, layers: [] } },
      });
      expect((await show(tab.published.stream)).bannerRevision).toBe(2);
      await tab.vanish();
      await server.ask('PUT', path, { token, body: SHOWN });
      expect((await tab.connect()).banner).toMatchObject({
        revision: 3,
        state: { layers: [{ id: 'name' }] },
      });
      await tab.vanish();
    });

    it('told once for each change, the tab’s own with the number that it gave', async () => {
      const tab = await publish();
      const path = `/v1/streams/${tab.published.stream}/banner`;
      for (const edit of [1, 2, 3]) tab.send({ type: 'banner', edit, state: SHOWN });
      expect(await Promise.all([1, 2, 3].map(() => tab.next('banner')))).toMatchObject([
        ...[1, 2, 3].map((edit) => ({ revision: edit, edit })),
      ]);
      await server.ask('PUT', path, { token, body: SHOWN });
      expect(await tab.next('banner')).toMatchObject({ revision: 4, edit: 0 });
      await tab.settled();
      expect(tab.received).toEqual([]);
      await tab.vanish();
    });

    it('changed only as it was read, where that is asked', async () => {
      const tab = await publish();
      const url = new URL(`/v1/streams/${tab.published.stream}/banner`, server.url);
      const put = (match: string) =>
        fetch(url, {
          method: 'PUT',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'if-match': match,
          },
          body: JSON.stringify(SHOWN),
        });
      expect((await put('"0"')).headers.get('etag')).toBe('"1"');
      tab.send({ type: 'banner', edit: 1, state: { layers: [] } });
      await expect
        .poll(async () =>
          (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).headers.get('etag'),
        )
        .toBe('"2"');
      for (const old of ['"1"', '"7"', 'W/"2"', 'two']) {
        const refused = await put(old);
        expect([refused.status, ((await refused.json()) as Problem).code], old).toEqual([
          412,
          'banner-changed',
        ]);
      }
      expect((await put('"2"')).status).toBe(200);
      expect((await put('*')).headers.get('etag')).toBe('"4"');
      await tab.vanish();
    });

    it('refused where it is none, and all else goes on', async () => {
      const tab = await publish();
      const path = `/v1/streams/${tab.published.stream}/banner`;
      for (const body of [{}, [], { layers: [{ kind: 'hologram' }] }, { layers: [], v: 2 }]) {
        const put = await server.ask<Problem>('PUT', path, { token, body });
        expect([put.status, put.body.code], JSON.stringify(body)).toEqual([422, 'banner-invalid']);
      }
      const large = { layers: [], more: 'x'.repeat(800 * 1024) };
      expect((await server.ask('PUT', path, { token, body: large })).status).toBe(413);
      expect((await server.ask('PUT', path, { token: await server.token('view'), body: SHOWN })).status).toBe(
        403,
      );
      tab.send({ type: 'banner', state: { layers: [SHOWN.layers[0], SHOWN.layers[0]] } });
      expect(await tab.next('refused')).toMatchObject({
        ...{ code: 'banner-invalid', message: expect.stringContaining('two layers') },
      });
      await tab.settled();
      expect((await show(tab.published.stream)).bannerRevision).toBe(0);
      await watch(tab);
      await tab.vanish();
    });
  });
});
