import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

const SAME = { 'sec-fetch-site': 'same-origin' };

/** Plain requests, as a browser's pages make them: with its cookie, and with where they come from. */
describe('a browser', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stop());

  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(new URL(path, server.url), {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const logIn = async (body: object) => {
    const answer = await ask('POST', '/v1/session', SAME, body);
    const set = answer.headers.get('set-cookie');
    return { answer, set, cookie: set?.split(';')[0] ?? '' };
  };

  it('is logged in once by the link that a start prints, with a cookie that no script and no other site can use', async () => {
    const { answer, set, cookie } = await logIn({ code: server.running.loginCode });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ scope: 'admin', operator: true });
    expect(set).toMatch(/HttpOnly/i);
    expect(set).toMatch(/SameSite=Strict/i);
    const again = await logIn({ code: server.running.loginCode });
    expect([again.answer.status, again.cookie]).toEqual([401, '']);
    for (const [headers, status] of [
      [{ ...SAME, cookie }, 200],
      // Its address typed in.
      [{ 'sec-fetch-site': 'none', cookie }, 200],
      [{ 'sec-fetch-site': 'cross-site', cookie }, 401],
      [{ 'sec-fetch-site': 'same-site', cookie }, 401],
      [{ cookie }, 401],
      [SAME, 401],
    ] as const)
      expect((await ask('GET', '/v1/jobs', headers)).status, JSON.stringify(headers)).toBe(status);
    const change = await ask(
      'POST',
      '/v1/tokens',
      { 'sec-fetch-site': 'none', cookie },
      { name: 'x', scope: 'read' },
    );
    expect(change.status).toBe(401);
  });

  it('that would not stay logged in is told so, and the link is good still', async () => {
    const login = await server.ask<{ code: string }>('POST', '/v1/logins', { body: { scope: 'read' } });
    const refused = await ask('POST', '/v1/session', {}, login.body);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ detail: expect.stringMatching(/secure connection/) });
    expect((await logIn(login.body)).answer.status).toBe(200);
  });

  it('has a cookie for each of two servers of one host', async () => {
    const other = await startTestServer();
    try {
      const { cookie } = await logIn({ token: await server.token('read') });
      const second = await fetch(new URL('/v1/session', other.url), {
        method: 'POST',
        headers: { ...SAME, cookie, 'content-type': 'application/json' },
        body: JSON.stringify({ code: other.running.loginCode }),
      });
      const [one, another] = [cookie, second.headers.get('set-cookie')!].map((text) => text.split('=')[0]);
      expect(one).not.toBe(another);
    } finally {
      await other.stop();
    }
  });

  it('that logs in is written down', async () => {
    await logIn({ token: await server.token('read') });
    const { body } = await server.ask('GET', '/v1/audit');
    expect(JSON.stringify(body)).toContain('session.create');
  });

  it('is logged in by a token, of its scope and not beyond, until it logs out; the token stays', async () => {
    const token = await server.token('read');
    const { answer, cookie } = await logIn({ token });
    expect(await answer.json()).toMatchObject({ scope: 'read' });
    const mine = { ...SAME, cookie };
    expect((await ask('GET', '/v1/session', mine)).status).toBe(200);
    expect((await ask('POST', '/v1/tokens', mine, { name: 'x', scope: 'read' })).status).toBe(403);
    expect((await ask('DELETE', '/v1/session', mine)).status).toBe(204);
    expect((await ask('GET', '/v1/session', mine)).status).toBe(401);
    expect((await ask('GET', '/v1/session', { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it('is logged in for no longer than its token is good, and hears no feed after that', async () => {
    const { body } = await server.ask<{ id: string; token: string }>('POST', '/v1/tokens', {
      body: { name: 'short', scope: 'read', expiresIn: 3600 },
    });
    const { cookie } = await logIn({ token: body.token });
    const mine = { ...SAME, cookie };
    const { body: list } = await server.ask<{ tokens: { name: string; expiresAt: string }[] }>(
      'GET',
      '/v1/tokens',
    );
    const session = list.tokens.filter(({ name }) => name.startsWith('browser')).at(-1)!;
    expect(Date.parse(session.expiresAt) - Date.now()).toBeLessThanOrEqual(3_600_000);
    const feed = await ask('GET', '/v1/farm', mine);
    expect(feed.status).toBe(200);
    await server.ask('DELETE', `/v1/tokens/${body.id}`);
    // It ends by itself: else this would wait for ever.
    await feed.text();
    expect((await ask('GET', '/v1/session', mine)).status).toBe(401);
  });

  it('does not end the token that is sent beside its cookie', async () => {
    const token = await server.token('read');
    const { cookie } = await logIn({ token: await server.token('read') });
    const both = { ...SAME, cookie, authorization: `Bearer ${token}` };
    expect((await ask('DELETE', '/v1/session', both)).status).toBe(204);
    expect((await ask('GET', '/v1/session', { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it.each(['enrol', 'none'])('is told so when its token opens no pages (%s)', async (scope) => {
    const token = scope === 'none' ? 'er_read_unknown' : await server.token(scope);
    const { answer, cookie } = await logIn({ token });
    expect([answer.status, cookie]).toEqual([scope === 'none' ? 401 : 403, '']);
    expect(await answer.json()).toMatchObject({ remedy: expect.stringMatching(/ask|another/i) });
  });

  it('is let in by a link that another one made', async () => {
    const { body } = await server.ask<{ code: string }>('POST', '/v1/logins', { body: { scope: 'read' } });
    const { answer } = await logIn({ code: body.code });
    expect(await answer.json()).toMatchObject({ scope: 'read' });
  });
});
