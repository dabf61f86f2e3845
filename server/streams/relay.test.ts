import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Problem, StreamView } from '../../protocol/index.ts';
import { QUICK, startTestServer, type TestServer } from '../testing.ts';
import { answerTo, OFFER, postOffer, SimulatedTab, type TabOptions } from '../testing-tab.ts';

describe('a stream', () => {
  let server: TestServer;
  let publish: string;
  let view: string;
  let tabs: SimulatedTab[] = [];
  let count = 0;

  beforeAll(async () => {
    server = await startTestServer({
      intervals: { ...QUICK, answerMs: 2_000 },
      iceServers: [
        { urls: ['stun:stun.example.net'] },
        { urls: ['turn:turn.example.net?transport=udp'], username: 'u"ser', credential: 'p\\w' },
      ],
    });
    publish = await server.token('publish');
    view = await server.token('view');
  });
  afterEach(async () => {
    await Promise.all(tabs.map((tab) => tab.vanish()));
    tabs = [];
  });
  afterAll(() => server.stop());

  const start = async (options: Partial<TabOptions> = {}) => {
    const tab = await SimulatedTab.publish(server.url, {
      ...{ token: publish, name: `show-${++count}` },
      ...options,
    });
    tabs.push(tab);
    return tab;
  };
  const show = async (id: string) =>
    (await server.ask<StreamView>('GET', `/v1/streams/${id}`, { token: view })).body;
  const refusal = async (answer: Response) => {
    const { code, detail, remedy } = (await answer.json()) as Problem;
    expect(remedy).not.toBe('');
    return { status: answer.status, code, detail };
  };
  const end = (location: string, token: string) =>
    fetch(new URL(location, server.url), {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}` },
    });

  it('passes an offer to its tab and the answer back, and both learn of the end', async () => {
    const tab = await start({ title: 'A show' });
    const { published } = tab;
    const answer = await postOffer(server.url, published.path, view);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toBe('application/sdp');
    expect(answer.headers.get('link')).toBe(
      [
        '<stun:stun.example.net>; rel="ice-server"',
        '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="u\\"ser"; credential="p\\\\w"; credential-type="password"',
      ].join(', '),
    );
    const location = answer.headers.get('location')!;
    expect(location).toMatch(new RegExp(`^/v1/whep/${published.stream}/v_[a-z0-9]{20}$`));
    const viewer = location.split('/').at(-1)!;
    expect(await answer.text()).toBe(answerTo(viewer));
    expect(await tab.next('offer')).toMatchObject({ viewer, sdp: OFFER });
    expect(await show(published.stream)).toMatchObject({
      ...{ title: 'A show', direction: 'out', state: 'live', viewers: 1, maxViewers: 8 },
      path: `/v1/whep/${published.stream}`,
    });
    expect((await end(location, view)).status).toBe(200);
    expect(await tab.next('bye')).toMatchObject({ viewer });
    expect((await show(published.stream)).viewers).toBe(0);
    expect((await end(location, view)).status).toBe(404);
  });

  it('is sent to by WHIP where its tab receives, and each is refused the way of the other', async () => {
    const { published: out } = await start();
    const { published: into } = await start({ direction: 'in', maxViewers: 1 });
    expect(into.path).toBe(`/v1/whip/${into.stream}`);
    const sent = await postOffer(server.url, into.path, publish);
    expect(sent.status).toBe(201);
    expect(sent.headers.get('location')).toContain(into.path);
    const wrong = await refusal(await postOffer(server.url, `/v1/whep/${into.stream}`, view));
    expect(wrong).toMatchObject({ status: 409, code: 'stream-direction' });
    expect(await refusal(await postOffer(server.url, `/v1/whip/${out.stream}`, publish))).toMatchObject({
      ...{ status: 409, code: 'stream-direction' },
      detail: expect.stringContaining('WHEP'),
    });
  });

  it('refuses what is no offer, and says what it does take', async () => {
    const { published } = await start();
    const post = async (more: object) => refusal(await postOffer(server.url, published.path, view, more));
    expect(await post({ type: 'application/json', body: '{}' })).toMatchObject({
      ...{ status: 415, code: 'media-type' },
      detail: expect.stringContaining('application/sdp'),
    });
    for (const body of [
      '',
      'hello',
      'v=0\r\n',
      'v=0\r\nhello',
      `${OFFER}\0`,
      `${OFFER}a=x\x1b[31m`,
      ` ${OFFER}`,
    ])
      expect(await post({ body }), JSON.stringify(body)).toMatchObject({ status: 400, code: 'sdp-invalid' });
    expect(await post({ body: `${OFFER}a=${'x'.repeat(65_536)}\r\n` })).toMatchObject({
      ...{ status: 413, code: 'body-too-large' },
    });
    expect((await show(published.stream)).viewers).toBe(0);
  });

  it('says when it is full, when nobody publishes it and that it is not there', async () => {
    const tab = await start({ maxViewers: 1 });
    const { path, stream } = tab.published;
    const first = await postOffer(server.url, path, view);
    expect(first.status).toBe(201);
    const second = await postOffer(server.url, path, view);
    expect(second.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refusal(second)).toMatchObject({ status: 503, code: 'stream-full' });
    await end(first.headers.get('location')!, view);
    expect((await postOffer(server.url, path, view)).status).toBe(201);
    await tab.vanish();
    await expect.poll(async () => (await show(stream)).state).toBe('idle');
    expect(await show(stream)).toMatchObject({ viewers: 0 });
    const idle = await postOffer(server.url, path, view);
    expect(idle.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refusal(idle)).toMatchObject({ status: 409, code: 'stream-idle' });
    const none = await postOffer(server.url, '/v1/whep/s_00000000000000000000', view);
    expect(await refusal(none)).toMatchObject({ status: 404, code: 'not-found' });
  });

  it('tells a viewer that the tab refused it, and why', async () => {
    const { published } = await start({
      onOffer: (viewer, tab) =>
        tab.send({ type: 'signal', viewer, kind: 'refuse', message: 'no codec of these' }),
    });
    expect(await refusal(await postOffer(server.url, published.path, view))).toMatchObject({
      ...{ status: 406, code: 'viewer-refused', detail: expect.stringContaining('no codec of these') },
    });
    expect((await show(published.stream)).viewers).toBe(0);
  });

  it('gives its tab so long to answer, and has room for others after that', async () => {
    const tab = await start({ onOffer: () => {}, maxViewers: 1 });
    const { path, stream } = tab.published;
    expect(await refusal(await postOffer(server.url, path, view))).toMatchObject({
      ...{ status: 504, code: 'stream-unanswered' },
    });
    const { viewer } = await tab.next('offer');
    expect(await tab.next('bye')).toMatchObject({ viewer });
    expect((await show(stream)).viewers).toBe(0);
    // An answer that comes too late is nobody's.
    tab.answer(viewer);
    await tab.settled();
    expect((await show(stream)).viewers).toBe(0);
  });

  it('is rid of a viewer that goes before it is answered', async () => {
    const tab = await start({ onOffer: () => {} });
    const leaving = new AbortController();
    const asked = fetch(new URL(tab.published.path, server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', authorization: `Bearer ${view}` },
      body: OFFER,
      signal: leaving.signal,
    }).catch(() => null);
    const { viewer } = await tab.next('offer');
    leaving.abort();
    await asked;
    expect(await tab.next('bye')).toMatchObject({ viewer });
    expect((await show(tab.published.stream)).viewers).toBe(0);
  });

  it('hears from its tab that a viewer has gone', async () => {
    const tab = await start();
    const answer = await postOffer(server.url, tab.published.path, view);
    const { viewer } = await tab.next('offer');
    tab.send({ type: 'signal', viewer, kind: 'bye' });
    await tab.settled();
    expect((await show(tab.published.stream)).viewers).toBe(0);
    expect((await end(answer.headers.get('location')!, view)).status).toBe(404);
    // It said so itself.
    expect(tab.received.filter(({ type }) => type === 'signal')).toEqual([]);
  });

  it('is watched with tokens that may, and ended by who began it or who may publish', async () => {
    const tab = await start();
    const { path } = tab.published;
    const other = await server.token('view');
    for (const [scope, status] of [
      ...([['submit', 403] as const, ['read', 403], ['enrol', 403]] as const),
      ...([['view', 201] as const, ['publish', 201]] as const),
    ])
      expect((await postOffer(server.url, path, await server.token(scope))).status, scope).toBe(status);
    const begun = async () => (await postOffer(server.url, path, view)).headers.get('location')!;
    expect((await end(await begun(), other)).status).toBe(403);
    expect((await end(await begun(), publish)).status).toBe(200);
    expect((await end(await begun(), server.admin)).status).toBe(200);
    await expect(
      SimulatedTab.publish(server.url, { token: view, name: 'of-a-viewer' }),
    ).rejects.toMatchObject({ code: 'scope-missing' });
    await expect(SimulatedTab.publish(server.url, { token: 'er_publish_x' })).rejects.toMatchObject({
      code: 'token-unknown',
    });
  });

  it('is not seen by another tenant, and its name is free there', async () => {
    const tab = await start();
    const { stream, path } = tab.published;
    const { body } = await server.ask<{ admin: { token: string } }>('POST', '/v1/tenants', {
      body: { name: 'stranger' },
    });
    const token = body.admin.token;
    const answer = await postOffer(server.url, path, view);
    expect(await refusal(await postOffer(server.url, path, token))).toMatchObject({ status: 404 });
    expect((await end(answer.headers.get('location')!, token)).status).toBe(404);
    for (const [method, of] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/banner'],
    ] as const)
      expect((await server.ask(method, `/v1/streams/${stream}${of}`, { token })).status).toBe(404);
    const put = { token, body: { layers: [] } };
    expect((await server.ask('PUT', `/v1/streams/${stream}/banner`, put)).status).toBe(404);
    expect((await server.ask('GET', '/v1/streams', { token })).body).toEqual({ streams: [] });
    const theirs = await start({ token, name: `show-${count}` });
    expect(theirs.published.stream).not.toBe(stream);
  });

  it('ends for a viewer when its token is revoked, and for all when that of the tab is', async () => {
    const mine = await server.ask<{ id: string; token: string }>('POST', '/v1/tokens', {
      body: { name: 'mine', scope: 'publish' },
    });
    const theirs = await server.ask<{ id: string; token: string }>('POST', '/v1/tokens', {
      body: { name: 'theirs', scope: 'view' },
    });
    const tab = await start({ token: mine.body.token });
    await postOffer(server.url, tab.published.path, theirs.body.token);
    const { viewer } = await tab.next('offer');
    await server.ask('DELETE', `/v1/tokens/${theirs.body.id}`);
    expect(await tab.next('bye')).toMatchObject({ viewer });
    await server.ask('DELETE', `/v1/tokens/${mine.body.id}`);
    expect(await tab.next('refused')).toMatchObject({ code: 'token-revoked' });
    expect((await tab.closed).code).toBe(4003);
    // It cannot come back: nobody waits for it.
    const { stream } = tab.published;
    expect((await server.ask<StreamView>('GET', `/v1/streams/${stream}`)).body.state).toBe('idle');
  });

  it('takes no candidates that come later, and keeps other methods for later', async () => {
    const tab = await start();
    const { path } = tab.published;
    const location = (await postOffer(server.url, path, view)).headers.get('location')!;
    const ask = (method: string, of: string) =>
      fetch(new URL(of, server.url), { method, headers: { authorization: `Bearer ${view}` } });
    expect(await refusal(await ask('PATCH', location))).toMatchObject({ status: 501 });
    for (const [method, of, allow] of [
      ['GET', path, 'OPTIONS, POST'],
      ['PUT', path, 'OPTIONS, POST'],
      ['GET', location, 'OPTIONS, PATCH, DELETE'],
      ['POST', location, 'OPTIONS, PATCH, DELETE'],
    ] as const) {
      const answer = await ask(method, of);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    }
  });

  it('is found with a slash at the end of its address, and one that names none says what it would have to be', async () => {
    const { published } = await start();
    const begun = await postOffer(server.url, `${published.path}/`, view);
    expect(begun.status).toBe(201);
    expect((await end(`${begun.headers.get('location')}/?`, view)).status).toBe(200);
    for (const path of ['/v1/whip', '/v1/whip/', '/v1/whip//', '/v1/whip/a/b/c']) {
      const answer = await postOffer(server.url, path, publish);
      expect(answer.headers.get('allow'), path).toBeNull();
      const { code, remedy } = (await answer.json()) as Problem;
      expect([answer.status, code], path).toEqual([404, 'not-found']);
      expect(remedy, path).toContain('/v1/whip/STREAM');
    }
  });

  it('tells whoever may watch or send, and nobody else, the ICE servers before the offer', async () => {
    const ask = (word: string, token: string | null) =>
      fetch(new URL(`/v1/${word}/any`, server.url), {
        method: 'OPTIONS',
        headers: { origin: 'https://player.example', ...(token && { authorization: `Bearer ${token}` }) },
      });
    for (const [word, token] of [
      ['whep', view],
      ['whip', publish],
    ] as const) {
      const told = await ask(word, token);
      expect(told.status).toBe(200);
      expect(told.headers.get('link')).toMatch(/^<stun:stun.example.net>; .*credential="p\\\\w"/);
      expect(told.headers.get('access-control-allow-origin')).toBe('*');
      expect(told.headers.get('access-control-expose-headers')).toMatch(/Location, Link/);
      expect(told.headers.get('access-control-allow-methods')).toMatch(/OPTIONS/);
      const preflight = await ask(word, null);
      expect([preflight.status, preflight.headers.get('link')]).toEqual([200, null]);
    }
    for (const [word, token, status] of [
      ['whep', 'er_view_unknown', 401],
      ['whep', await server.token('read'), 403],
      ['whip', view, 403],
    ] as const) {
      const refused = await ask(word, token);
      expect([refused.status, refused.headers.get('link')], `${word} ${token}`).toEqual([status, null]);
    }
  });

  it('is open to players of other origins, and to no cookie of theirs', async () => {
    const tab = await start();
    const { path } = tab.published;
    const preflight = await fetch(new URL(path, server.url), {
      method: 'OPTIONS',
      headers: {
        ...{ origin: 'https://player.example', 'access-control-request-method': 'POST' },
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight.status).toBe(200);
    const allowed = Object.fromEntries(preflight.headers);
    expect(allowed).toMatchObject({ 'access-control-allow-origin': '*', 'accept-post': 'application/sdp' });
    expect(allowed['access-control-allow-methods']).toMatch(/POST.*DELETE/);
    expect(allowed['access-control-allow-headers']).toMatch(/Authorization, Content-Type/);
    expect(allowed).not.toHaveProperty('access-control-allow-credentials');
    const answer = await postOffer(server.url, path, view);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-expose-headers')).toMatch(/Location, Link/);
    // Refusals too, or the player could not say why.
    const refused = await postOffer(server.url, path, 'er_view_unknown');
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, '*']);
    const login = await fetch(new URL('/v1/session', server.url), {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
      body: JSON.stringify({ code: server.running.loginCode }),
    });
    const cookie = login.headers.get('set-cookie')!.split(';')[0]!;
    const withCookie = async (site: string) => {
      const headers = { cookie, 'sec-fetch-site': site };
      return (await postOffer(server.url, path, null, { headers })).status;
    };
    expect(await withCookie('same-origin')).toBe(201);
    for (const site of ['cross-site', 'same-site', 'none']) expect(await withCookie(site), site).toBe(401);
    // All else is as closed to other origins as ever.
    const list = await server.ask('GET', '/v1/streams');
    expect(list.status).toBe(200);
    const streams = await fetch(new URL('/v1/streams', server.url), {
      headers: { authorization: `Bearer ${view}`, origin: 'https://player.example' },
    });
    expect(streams.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is counted in the metrics, and tells who asks which ICE servers there are', async () => {
    await start();
    const { body } = await server.ask<string>('GET', '/metrics');
    expect(body).toMatch(/edge_runner_streams_live [1-9]/);
    expect(body).toMatch(/edge_runner_viewers \d/);
    const list = await server.ask('GET', '/v1/ice-servers', { token: view });
    expect(list.body).toEqual({
      iceServers: [
        { urls: ['stun:stun.example.net'] },
        { urls: ['turn:turn.example.net?transport=udp'], username: 'u"ser', credential: 'p\\w' },
      ],
    });
  });
});
