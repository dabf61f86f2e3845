import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StreamView } from '../../protocol/index.ts';
import { ENGINES, stopPostgres, type TestDatabase } from '../store/testing.ts';
import { QUICK, startTestServer, type TestServer } from '../testing.ts';
import { answerTo, postOffer, SimulatedTab } from '../testing-tab.ts';

const { here, open } = ENGINES.find(({ name }) => name === 'PostgreSQL')!;
const intervals = { ...QUICK, ttlMs: 60_000, answerMs: 30_000 };

describe.runIf(here)('a stream of two servers on one PostgreSQL', () => {
  let test: TestDatabase;
  let one: TestServer;
  let other: TestServer;
  let token: string;
  let tab: SimulatedTab & { published: { stream: string; path: string } };

  beforeAll(async () => {
    test = await open();
    one = await startTestServer({ databaseUrl: test.url, intervals });
    other = await startTestServer({ databaseUrl: test.url, intervals });
    token = await one.token('publish');
  });
  afterAll(async () => {
    await one.stop();
    await other.stop();
    await test.close();
    await stopPostgres();
  });
  let count = 0;
  beforeEach(async () => {
    tab = await SimulatedTab.publish(one.url, { token, name: `show-${++count}`, maxViewers: 5 });
  });
  afterEach(() => tab.vanish());

  const show = async () =>
    (await other.ask<StreamView>('GET', `/v1/streams/${tab.published.stream}`, { token })).body;

  it('is watched and left through the one that its tab is not connected to', async () => {
    const answer = await postOffer(other.url, tab.published.path, token);
    expect(answer.status).toBe(201);
    const location = answer.headers.get('location')!;
    const { viewer } = await tab.next('offer');
    expect(await answer.text()).toBe(answerTo(viewer));
    const end = { method: 'DELETE', headers: { authorization: `Bearer ${token}` } };
    expect((await fetch(new URL(location, other.url), end)).status).toBe(200);
    expect(await tab.next('bye')).toMatchObject({ viewer });
  });

  it('has no more viewers than it may, however many ask both at once', async () => {
    const asked = Array.from({ length: 20 }, (_, i) =>
      postOffer((i % 2 ? one : other).url, tab.published.path, token),
    );
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 503)).toHaveLength(15);
    expect((await show()).viewers).toBe(5);
    const [row] = await test.database.query<{ alive: number }>(
      `SELECT count(*)::int AS alive FROM viewer WHERE stream = $1 AND state = 'answered'`,
      [tab.published.stream],
    );
    expect(row).toEqual({ alive: 5 });
  });

  it('counts right, however many come and go at once', async () => {
    const come = async (url: string) => {
      for (let i = 0; i < 5; i++) {
        const answer = await postOffer(url, tab.published.path, token);
        if (answer.status !== 201) continue;
        const location = new URL(answer.headers.get('location')!, url);
        await fetch(location, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, i) => come((i % 2 ? one : other).url)));
    expect((await show()).viewers).toBe(0);
    expect((await postOffer(one.url, tab.published.path, token)).status).toBe(201);
  });

  it('gets its banner through the other', async () => {
    const body = { layers: [{ id: 'late', kind: 'ticker', text: 'Starting late' }] };
    const path = `/v1/streams/${tab.published.stream}/banner`;
    expect((await other.ask('PUT', path, { token, body })).status).toBe(200);
    expect(await tab.next('banner')).toMatchObject({ revision: 1, state: { layers: [{ id: 'late' }] } });
  });

  it('goes on at the other, and the first lets go of it', async () => {
    await postOffer(one.url, tab.published.path, token);
    const { viewer } = await tab.next('offer');
    const there = new SimulatedTab(other.url, { token, name: `show-${count}`, session: tab.session });
    expect(await there.connect()).toMatchObject({ stream: tab.published.stream, viewers: [viewer] });
    expect((await tab.closed).code).toBe(4001);
    expect((await postOffer(one.url, tab.published.path, token)).status).toBe(201);
    await there.next('offer');
    await there.vanish();
  });
});
