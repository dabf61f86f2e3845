import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobPage } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob } from '../server/testing-node.ts';
import { SimulatedFarm } from './support/farm.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot, tabStops } from './support/pages.ts';

const PHONE = { width: 390, height: 844 };

describe('the dashboard', () => {
  let server: TestServer;
  let farm: SimulatedFarm;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    server = await startTestServer();
    farm = new SimulatedFarm(server);
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    ({ page, faults } = await openPage(context));
  });
  afterAll(async () => {
    await browser.close();
    await farm.stop();
    await server.stop();
  });

  it('wants a login, by the link of the start or by a token, and says what is wrong with one', async () => {
    await page.goto(`${server.url}/`);
    await page.getByRole('heading', { name: 'edge-runner' }).waitFor();
    await expectAccessible(page);
    await page.getByLabel('Token').fill('er_admin_wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('does not know this token').waitFor();
    await shoot(page, 'login');
    // In the tab that shows the form: nothing is loaded anew.
    await page.goto(`${server.url}/dashboard/#login=${server.running.loginCode}`);
    await page.getByRole('link', { name: 'Nodes' }).waitFor();
    expect(page.url()).not.toContain('login');
    // It stays so, and the link is of no more use to anybody else.
    await page.reload();
    await page.getByRole('link', { name: 'Nodes' }).waitFor();
    const other = await browser.newContext();
    const late = await openPage(other);
    await late.page.goto(`${server.url}/dashboard/#login=${server.running.loginCode}`);
    await late.page.getByText('has logged a browser in already').waitFor();
    await other.close();
  });

  it('tells whoever has no node how to add one: a link, its QR code, a line for a machine', async () => {
    await page.getByRole('heading', { name: 'No node yet' }).waitFor();
    await page.getByRole('button', { name: 'Show how' }).click();
    const link = page.getByRole('region', { name: 'link for a browser' });
    await link.waitFor();
    const text = (await link.textContent())!;
    expect(text).toMatch(new RegExp(`^${server.url}/contribute/#token=er_enrol_`));
    await page.getByRole('img', { name: 'The link as a QR code' }).waitFor();
    await expectAccessible(page);
    await shoot(page, 'first-node');
    // The token in it is good.
    const answer = await server.ask('POST', '/v1/nodes', {
      token: new URL(text).hash.split('token=')[1]!,
      body: { name: 'by link', host: 'tab' },
    });
    expect(answer.status).toBe(201);
    await server.ask('DELETE', `/v1/nodes/${(answer.body as { node: string }).node}`);
  });

  it('shows nodes as they come and what they do, jobs as they go on, without being loaded anew', async () => {
    await farm.join(12);
    await page.getByRole('heading', { name: '12 nodes' }).waitFor();
    for (let i = 0; i < 8; i++) await farm.submit(patternJob(i === 0 ? 6 : 1));
    await page.getByText(/1[0-2] working/).waitFor();
    farm.work(2, 600);
    const row = page.getByRole('row', { name: /and 5 more/ });
    await row.getByText(/[1-9]\d* of 3600 frames|[1-9]\d* frames/).waitFor();
    await row.getByText('done').waitFor();
    await expectAccessible(page);
    await shoot(page, 'overview');
  });

  it('lets a node be drained, and says what is the matter with one', async () => {
    await page.getByRole('link', { name: 'Nodes' }).click();
    await page
      .getByRole('row', { name: /cuda-box-1/ })
      .getByRole('button', { name: 'Drain' })
      .click();
    await page
      .getByRole('row', { name: /cuda-box-1/ })
      .getByText('draining')
      .waitFor();
    farm.nodes[0]!.send({ type: 'pause', reason: { code: 'thermal', message: 'the GPU is at 97 °C' } });
    await page
      .getByRole('row', { name: /mac-mini-1/ })
      .getByText('paused: too hot')
      .waitFor();
    await page.getByRole('searchbox').fill('nvidia draining');
    await page.getByText('1 node', { exact: true }).waitFor();
    await page.getByRole('searchbox').fill('');
    await expectAccessible(page);
    await shoot(page, 'nodes');
    await page.getByRole('link', { name: 'mac-mini-1' }).click();
    await page.getByText('the GPU is at 97 °C').waitFor();
    await page.getByText('macOS 26.1 arm64').waitFor();
    await expectAccessible(page);
    await shoot(page, 'node');
  });

  it('shows a suspended node and a job that failed where people look, with what to do', async () => {
    await page.goto(`${server.url}/dashboard/#/`);
    const job = await farm.submit({ ...patternJob(), placement: { labels: ['none-has-this'] } });
    await page.locator(`a[href="#/jobs/${job.id}"]`).click();
    await page.getByText('none of the 12 nodes that are connected has label none-has-this').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('cancelled', { exact: true }).waitFor();
    await farm.join(1, { labels: ['frail'], fails: true });
    const frail = { ...patternJob(), placement: { labels: ['frail'] } };
    const dead = await farm.submit(frail);
    await page.goto(`${server.url}/dashboard/#/jobs/${dead.id}`);
    // What the last try died of, where the job is looked at.
    await page
      .getByRole('alert')
      .getByText('Given up after 4 tries on 1 node. The last one said: it broke')
      .waitFor();
    await page.getByText(/given up after mac-mini-4 \(it broke\)$/).waitFor();
    await page.getByText('As a list').click();
    expect(await page.getByText(/try \d on mac-mini-4: failed/).count()).toBe(4);
    await expectAccessible(page);
    await shoot(page, 'job-failed');
    await farm.submit(frail);
    await page.getByRole('link', { name: 'Farm' }).click();
    await page.getByRole('alert').getByText('mac-mini-4 (its last 5 tasks failed here)').waitFor();
    await shoot(page, 'suspended');
    // From there to what failed, with the job that it failed in.
    await page.getByRole('alert').getByRole('link', { name: 'mac-mini-4' }).click();
    await page.getByText(/It is tried again at \d/).waitFor();
    const attempts = page.getByRole('table', { name: 'Attempts of this node' });
    await attempts.getByText('it broke').nth(4).waitFor();
    expect(await attempts.locator(`a[href="#/jobs/${dead.id}"]`).count()).toBe(4);
    await expectAccessible(page);
    await shoot(page, 'node-suspended');
    await page.getByRole('link', { name: 'Farm' }).click();
    await page.getByRole('link', { name: 'let them work' }).click();
    await page.getByRole('button', { name: 'Let work: mac-mini-4' }).click();
    await page.getByRole('button', { name: 'Drain mac-mini-4' }).waitFor();
  });

  it('is whole on a phone, in the dark, and by keyboard alone', async () => {
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const [name, path] of [
      ['overview', ''],
      ['nodes', 'nodes'],
      ['add', 'add'],
      ['access', 'access'],
      ['node', `nodes/${farm.nodes[0]!.id}`],
      ['job', `jobs/${(await server.ask<JobPage>('GET', '/v1/jobs')).body.jobs.at(-1)!.id}`],
    ] as const) {
      await page.goto(`${server.url}/dashboard/#/${path}`);
      await page.locator('main h1').first().waitFor({ state: 'attached' });
      await expectFits(page);
      await expectAccessible(page);
      await shoot(page, `phone-dark-${name}`);
    }
    await page.goto(`${server.url}/dashboard/#/access`);
    await page.reload();
    await page
      .getByRole('row', { name: /^browser: Chrome/ })
      .first()
      .waitFor();
    const stops = await tabStops(page);
    for (const name of ['Farm', 'Nodes', 'Add a node', 'Access', 'API', 'Log out'])
      expect(
        stops.some((stop) => stop.endsWith(name)),
        `${name} in ${stops.join(', ')}`,
      ).toBe(true);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  });

  it('locks out a browser whose session is revoked, and says so', async () => {
    await page.goto(`${server.url}/dashboard/#/access`);
    const mine = page.getByRole('row', { name: /^browser: Chrome/ }).first();
    await mine.waitFor();
    await shoot(page, 'access');
    page.once('dialog', (dialog) => dialog.accept());
    await mine.getByRole('button', { name: /^Revoke/ }).click();
    await page.getByRole('alert').getByText('was revoked').waitFor();
    await page.getByLabel('Token').waitFor();
    expect(faults).toEqual([]);
  });
});
