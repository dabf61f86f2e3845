import type { Browser, BrowserContext, Page } from 'playwright';
import puppeteer, { type Browser as Puppet } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser } from '../headless-runner/browser/find.ts';
import type { JobDetail, JobView, NodeView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob } from '../server/testing-node.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot, tabStops } from './support/pages.ts';

/** A battery that a test plugs in and out. */
const FAKE_BATTERY = `
  const battery = Object.assign(new EventTarget(), { level: 0.8, charging: true });
  navigator.getBattery = async () => battery;
  globalThis.plug = (charging) => {
    battery.charging = charging;
    battery.dispatchEvent(new Event('chargingchange'));
  };
`;

describe('the contribute page', () => {
  let server: TestServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    server = await startTestServer();
    browser = await openBrowser(['--disable-gpu']);
  });
  afterEach(async () => {
    await context?.close();
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  const open = async (token: string | null, script = '') => {
    context = await browser.newContext({ viewport: { width: 1000, height: 900 } });
    if (script) await context.addInitScript(script);
    ({ page, faults } = await openPage(context));
    await page.goto(`${server.url}/contribute/${token === null ? '' : `#token=${token}`}`);
  };
  const join = async (script = '') => {
    await open(await server.token('enrol'), script);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
  };
  const submit = async (frames: number, more: object = {}) => {
    const spec = patternJob();
    const source = { ...spec.sources[0]!, width: 320, height: 180, frames, ...more };
    const answer = await server.ask<JobView>('POST', '/v1/jobs', {
      body: { spec: { ...spec, sources: [source] } },
    });
    return answer.body.id;
  };
  const job = async (id: string) => (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;
  const everyNode = async () => (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes;
  const nodes = async () => (await everyNode()).filter(({ connected }) => connected);

  it('says what it is about to do before it does it, then what this device can do, and leaves when asked', async () => {
    await open(await server.token('enrol'));
    await page.getByText(/Nothing of them stays here/).waitFor();
    expect(page.url()).not.toContain('token');
    expect(await nodes()).toEqual([]);
    await expectAccessible(page);
    await shoot(page, 'contribute-link');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
    // No WebGPU here: what that means.
    await page.getByText(/none that this browser offers \(WebGPU\): it works with the processor/).waitFor();
    await page.getByText(/transcode [\d.]+ frames a second \(processor\)/).waitFor();
    await expectAccessible(page);
    expect((await nodes()).map(({ host }) => host)).toEqual(['tab']);
    // Loaded anew it goes on without a word.
    await page.reload();
    await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByText(/contributes nothing now/).waitFor();
    expect(faults).toEqual([]);
  });

  it('shows what it works at, gives it back when it is paused, and goes on when it is started', async () => {
    await join();
    const id = await submit(300, { realtime: true });
    await page.getByText('Working.').waitFor();
    await page.getByText(/Frame [1-9]\d* of 300/).waitFor();
    const picture = page.getByRole('img', { name: 'What is worked at' });
    await picture.waitFor();
    // Not black, and not always the same.
    const look = () =>
      picture.evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        return {
          width: canvas.width,
          sum: data.reduce((sum, value, i) => (i % 4 === 3 ? sum : (sum * 31 + value) % 1e9)),
        };
      });
    const first = await look();
    expect(first.width).toBe(320);
    await expect.poll(async () => (await look()).sum).not.toBe(first.sum);
    await shoot(page, 'contribute-working');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/Paused: what it had went back/).waitFor();
    await expect.poll(async () => (await job(id)).taskList[0]!.attempts[0]!.state).toBe('returned');
    expect((await nodes())[0]!.pause).toMatchObject({ code: 'user' });
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('Working.').waitFor();
    await expect.poll(async () => (await job(id)).state, { timeout: 60_000 }).toBe('done');
    await page.getByText('Ready for work.').waitFor();
    // At the pace of the clip a busy machine drops one now and then.
    const { frames } = await job(id);
    // What went back was worked at, too.
    const done = /frames done\s+(\d+)/.exec(await page.locator('.numbers').innerText())!;
    expect(Number(done[1])).toBeGreaterThan(frames);
    expect(faults).toEqual([]);
  });

  it('pauses on battery, and says so, unless told otherwise', async () => {
    await join(FAKE_BATTERY);
    const id = await submit(600, { realtime: true });
    await page.getByText('Working.').waitFor();
    await page.evaluate('plug(false)');
    await page.getByText('Paused: this device runs on battery.').waitFor();
    await expect.poll(async () => (await job(id)).taskList[0]!.attempts[0]!.state).toBe('returned');
    expect((await nodes())[0]!.pause).toMatchObject({ code: 'battery' });
    await page.getByLabel(/Pause on battery/).uncheck();
    await page.getByText('Working.').waitFor();
    await page.getByLabel(/Pause on battery/).check();
    await page.getByText('Paused: this device runs on battery.').waitFor();
    await page.evaluate('plug(true)');
    await page.getByText('Working.').waitFor();
    await server.ask('POST', `/v1/jobs/${id}/cancel`);
    await page.getByText('Ready for work.').waitFor();
  });

  it('gives only the share of its time that was chosen', async () => {
    await join();
    const outcome = async () => {
      const id = await submit(400);
      await expect.poll(async () => (await job(id)).state, { timeout: 120_000 }).toBe('done');
      return (await job(id)).taskList[0]!.outcome!;
    };
    expect((await outcome()).throttled).toBeUndefined();
    await page.getByLabel('Share of its time').fill('20');
    const { seconds, throttled } = await outcome();
    const { worked, rested } = throttled!;
    expect(rested).toBeLessThan(seconds);
    // What is still owed after the last frame is not rested.
    expect(worked / (worked + rested)).toBeGreaterThan(0.15);
    expect(worked / (worked + rested)).toBeLessThan(0.3);
  });

  it('stays with one tab of a browser: a second one says so, and takes its place when it is closed', async () => {
    await join();
    const second = await openPage(context);
    await second.page.goto(`${server.url}/contribute/`);
    await second.page.getByText(/Another tab of this browser contributes already/).waitFor();
    await expectAccessible(second.page);
    expect((await nodes()).length).toBe(1);
    await page.close();
    await second.page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
    expect((await nodes()).length).toBe(1);
  });

  it.each([
    ['revoked', /link was revoked/],
    ['expired', /link has expired/],
    ['wrong', /not for joining/],
    ['unknown', /does not know the token/],
    ['missing', /holds no token/],
  ])('says of a link that is %s what happened and whom to ask', async (kind, words) => {
    const made = await server.ask<{ id: string; token: string }>('POST', '/v1/tokens', {
      body: {
        ...{ name: kind, scope: kind === 'wrong' ? 'read' : 'enrol' },
        ...(kind === 'expired' && { expiresIn: 1 }),
      },
    });
    if (kind === 'expired')
      await expect
        .poll(() =>
          server.ask('POST', '/v1/nodes', { token: made.body.token, body: { name: 'x', host: 'tab' } }),
        )
        .toMatchObject({ body: { code: 'token-expired' } });
    if (kind === 'revoked') await server.ask('DELETE', `/v1/tokens/${made.body.id}`);
    const token = { missing: null, unknown: 'er_enrol_unknown' }[kind] ?? made.body.token;
    await open(kind === 'missing' ? null : token);
    if (kind !== 'missing') await page.getByRole('button', { name: 'Start' }).click();
    const alert = page.getByRole('alert');
    await alert.getByText(words).waitFor();
    await alert.getByText(/Ask whoever/).waitFor();
    await expectAccessible(page);
  });

  it('takes a good link in the tab that had a bad one, and opened twice it is one node', async () => {
    await open('er_enrol_unknown');
    await page.getByRole('button', { name: 'Start' }).click();
    await page
      .getByRole('alert')
      .getByText(/does not know the token/)
      .waitFor();
    const link = `${server.url}/contribute/#token=${await server.token('enrol')}`;
    const before = (await everyNode()).length;
    for (let i = 0; i < 2; i++) {
      await page.goto(link);
      await page.getByRole('button', { name: 'Start' }).click();
      await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
      expect(page.url()).not.toContain('token');
    }
    expect((await everyNode()).length).toBe(before + 1);
  });

  it('leaves its place to another tab when it has failed, has left, or was revoked', async () => {
    await open('er_enrol_unknown');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('alert').waitFor();
    const second = await openPage(context);
    await second.page.goto(`${server.url}/contribute/#token=${await server.token('enrol')}`);
    await second.page.getByRole('button', { name: 'Start' }).click();
    await second.page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
    const third = await openPage(context);
    await third.page.goto(`${server.url}/contribute/`);
    await third.page.getByText(/Another tab of this browser contributes already/).waitFor();
    await second.page.getByRole('button', { name: 'Leave' }).click();
    await second.page.getByText(/contributes nothing now/).waitFor();
    await third.page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
    const fourth = await openPage(context);
    await fourth.page.goto(`${server.url}/contribute/#token=${await server.token('enrol')}`);
    await fourth.page.getByRole('button', { name: 'Start' }).click();
    await fourth.page.getByText(/Another tab of this browser contributes already/).waitFor();
    await server.ask('DELETE', `/v1/nodes/${(await nodes())[0]!.id}`);
    await third.page.getByRole('alert').waitFor();
    await fourth.page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
  });

  it('keeps its link while the server does not answer, and tries it again', async () => {
    await open(await server.token('enrol'));
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('alert').getByText('The server does not answer.').waitFor();
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
  });

  it('says why the server gives it nothing, and lets it leave', async () => {
    await join();
    const [{ id }] = (await nodes()) as [NodeView];
    await server.ask('POST', `/v1/nodes/${id}/disable`);
    await page.getByText('The server has disabled it.').waitFor();
    await page.getByRole('alert').getByText('Set to disabled by "first".').waitFor();
    await expectAccessible(page);
    await shoot(page, 'contribute-held');
    await server.ask('POST', `/v1/nodes/${id}/enable`);
    await page.getByText('Ready for work.').waitFor();
    await server.ask('POST', `/v1/nodes/${id}/drain`);
    await page.getByText('The server gives it no new work.').waitFor();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByText(/contributes nothing now/).waitFor();
  });

  it('says when its node was revoked', async () => {
    await join();
    await server.ask('DELETE', `/v1/nodes/${(await nodes())[0]!.id}`);
    await page
      .getByRole('alert')
      .getByText(/was revoked/)
      .waitFor();
    await page.getByText(/Ask whoever runs the server/).waitFor();
    await shoot(page, 'contribute-revoked');
  });

  it('is whole on a phone, in the dark, by keyboard alone', async () => {
    await join();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectFits(page);
    await expectAccessible(page);
    await shoot(page, 'contribute-phone-dark');
    await page.reload();
    await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
    expect(await tabStops(page)).toEqual([
      ...['button Pause', 'button Leave', 'input share', 'input pause-on-battery', 'input keep-awake'],
    ]);
  });
});

describe('a contribute tab that nobody looks at', () => {
  let server: TestServer;
  let puppet: Puppet;

  beforeAll(async () => {
    server = await startTestServer();
    puppet = await puppeteer.launch({
      executablePath: findBrowser(null),
      args: ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    });
  });
  afterAll(async () => {
    await puppet.close();
    await server.stop();
  });

  it('works on for 90 s, with its heartbeat, and comes back when the browser has frozen it', async () => {
    const page = await puppet.newPage();
    await page.goto(`${server.url}/contribute/#token=${await server.token('enrol')}`);
    await page.locator('::-p-aria(Start)').click();
    await page.waitForFunction(() => document.body.innerText.includes('Ready for work'), { timeout: 60_000 });
    const other = await puppet.newPage();
    await other.bringToFront();
    expect(await page.evaluate(() => document.visibilityState)).toBe('hidden');
    const spec = patternJob();
    const source = { ...spec.sources[0]!, width: 320, height: 180, fps: 10, frames: 900, realtime: true };
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
      body: { spec: { ...spec, sources: [source] } },
    });
    const view = async () => (await server.ask<JobDetail>('GET', `/v1/jobs/${body.id}`)).body;
    await expect.poll(async () => (await view()).state, { timeout: 150_000, interval: 1_000 }).toBe('done');
    // One attempt: its lease was renewed all the while. At the pace of the clip: it was not slowed down.
    const [attempt, ...more] = (await view()).taskList[0]!.attempts;
    expect([attempt!.state, more.length]).toEqual(['done', 0]);
    expect((await view()).taskList[0]!.outcome!.seconds).toBeLessThan(100);
    expect(await page.evaluate(() => document.visibilityState)).toBe('hidden');

    const cdp = await page.createCDPSession();
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
    const nodes = async () => (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes;
    const second = await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } });
    await cdp.send('Page.setWebLifecycleState', { state: 'active' });
    await page.bringToFront();
    await expect
      .poll(async () => (await server.ask<JobView>('GET', `/v1/jobs/${second.body.id}`)).body.state, {
        timeout: 60_000,
      })
      .toBe('done');
    expect((await nodes())[0]).toMatchObject({ connected: true, failures: 0 });
  }, 300_000);
});
