import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob, SimulatedNode } from '../server/testing-node.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot } from './support/pages.ts';

/** A picture of one dot. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const MAPS = 50;

describe('what the dashboard says of jobs', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let faults: string[];
  const nodes: SimulatedNode[] = [];

  beforeAll(async () => {
    server = await startTestServer();
    browser = await openBrowser();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    ({ page, faults } = await openPage(context));
    await page.goto(`${server.url}/dashboard/#login=${server.running.loginCode}`);
    await page.getByRole('heading', { name: 'No node yet' }).waitFor();
  });
  afterAll(async () => {
    await browser.close();
    for (const node of nodes) await node.leave();
    await server.stop();
  });

  const join = async (name: string) => {
    const node = await SimulatedNode.enrol(server, await server.token('enrol'), {}, name);
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async (spec: object) =>
    (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec } })).body.id;
  const go = (path: string) => page.goto(`${server.url}/dashboard/#/${path}`);

  it('shows what came of one first, and every file of many', async () => {
    const node = await join('mac mini');
    const id = await submit({
      ...{ v: 1, sources: [{ id: 'in', kind: 'pattern', frames: 10 }] },
      stages: [{ id: 'depth', kind: 'depth', from: 'in', options: { model: 'midas-small' } }],
      outputs: [
        { id: 'maps', kind: 'depth-maps', from: 'depth' },
        { id: 'events', kind: 'events', from: 'depth' },
        { id: 'out', kind: 'video', from: 'depth', name: 'out.mp4', container: 'mp4' },
      ],
    });
    const offer = await node.next('offer');
    await node.hold(offer);
    const files = [];
    for (let i = 0; i < MAPS; i++) files.push(await node.upload(offer, 'maps', `frame-${i}.png`, PNG));
    files.push(await node.upload(offer, 'events', 'events.ndjson', Buffer.from('{}\n')));
    files.push(await node.upload(offer, 'out', 'out.mp4', Buffer.from('no video')));
    node.finish(offer, files);
    await node.next('ack');
    await go(`jobs/${id}`);
    const results = page.getByRole('region', { name: 'Results' });
    await results.getByRole('link', { name: 'out.mp4' }).waitFor();
    expect(await results.getByRole('link').allTextContents()).toEqual(['out.mp4', 'events.ndjson']);
    await results.getByText(`maps: ${MAPS} depth maps`).click();
    await results.getByRole('link', { name: `frame-${MAPS - 1}.png` }).waitFor();
    expect(await results.getByRole('link').count()).toBe(2 + MAPS);
    const picture = results.locator('img').first();
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
    await expectAccessible(page);
    await shoot(page, 'job-results');
    // Away for the tests that follow.
    await server.ask('DELETE', `/v1/nodes/${node.id}`);
  });

  it('shows by which node, though two have one name, and leads there', async () => {
    const pair = [await join('Chrome on Linux'), await join('Chrome on Linux')];
    const id = await submit(patternJob(2));
    for (const node of pair) await node.hold(await node.next('offer'));
    await go(`jobs/${id}`);
    const lanes = page.getByRole('region', { name: 'Attempts' });
    for (const name of ['Chrome on Linux', 'Chrome on Linux 2'])
      await lanes.getByRole('link', { name, exact: true }).waitFor();
    await page
      .getByText(/offered to Chrome on Linux 2$/)
      .first()
      .waitFor();
    const links = await lanes
      .getByRole('link')
      .evaluateAll((all) => all.map((one) => one.getAttribute('href')));
    expect(links.toSorted()).toEqual(pair.map((node) => `#/nodes/${node.id}`).toSorted());
    await expectAccessible(page);
    for (const node of pair) node.finish(node.held[0]!);
    await page.getByRole('region', { name: 'Progress' }).getByText('done', { exact: true }).waitFor();
    for (const node of pair) await server.ask('DELETE', `/v1/nodes/${node.id}`);
  });

  it('says that one waits whose only node rests, and no speed of it', async () => {
    const node = await join('hot');
    const id = await submit(patternJob());
    const offer = await node.next('offer');
    await node.hold(offer);
    await go(`jobs/${id}`);
    const progress = page.getByRole('region', { name: 'Progress' });
    await progress.getByText('running', { exact: true }).waitFor();
    const { attempt, lease } = offer;
    node.send({ type: 'progress', attempt, lease, seq: 0, frames: 4, of: 10, fps: 25 });
    await progress.getByText(/25\.0 a second/).waitFor();
    node.send({ type: 'pause', reason: { code: 'thermal', message: 'the GPU is at 97 °C' } });
    node.send({ type: 'return', attempt, lease });
    await page.getByText('It waits: the node that could do it is paused.').waitFor();
    await progress.getByText('waiting', { exact: true }).waitFor();
    expect(await progress.getByText(/a second/).count()).toBe(0);
    await go('');
    await page.getByRole('row').filter({ hasText: 'Cancel' }).getByText('waiting').waitFor();
  });

  it('leads through pages of them in both directions', async () => {
    const spec = { ...patternJob(), placement: { labels: ['none-has-this'] } };
    for (let i = 0; i < 60; i++) await submit(spec);
    await go('');
    const rows = page.getByRole('table', { name: 'Jobs' }).locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(50);
    const first = rows.first().getByRole('link');
    const newest = await first.getAttribute('href');
    await page.getByRole('button', { name: 'Older' }).click();
    await expect.poll(() => rows.count()).toBe(13);
    expect(await first.getAttribute('href')).not.toBe(newest);
    await page.getByRole('button', { name: 'Newer' }).click();
    await expect.poll(() => first.getAttribute('href')).toBe(newest);
    expect(await page.getByRole('button', { name: 'Newer' }).isDisabled()).toBe(true);
    // Numbers that are of a day say so.
    const words = await page.getByLabel('Show').locator('option').allTextContents();
    expect(words.find((one) => one.startsWith('done'))).toBe('done (2 in 24 h)');
    expect(words.find((one) => one.startsWith('waiting'))).toBe('waiting (60)');
  });

  /** What a column says on a desk its cells say themselves on a phone. */
  const expectNamed = async (name: string) => {
    const cell = page.locator(`[data-name="${name}"]`).first();
    expect(await cell.isVisible(), name).toBe(true);
    expect(await cell.evaluate((one) => getComputedStyle(one, '::before').content)).toContain(name);
  };

  it('has all of a row within a phone, and no time or word broken on a desk', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
    const beyond = await page
      .locator('.table')
      .evaluateAll((all) =>
        all.filter((one) => one.scrollWidth > one.clientWidth).map(({ className }) => className),
      );
    expect(beyond).toEqual([]);
    expect(await page.getByRole('button', { name: /^Cancel/ }).count()).toBe(50);
    await expectNamed('Made');
    await go('access');
    await page.locator('[data-name="Used"]').first().waitFor();
    await expectNamed('Used');
    expect(
      await page.locator('.table').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth),
    ).toBe(0);
    await go('nodes');
    await page.locator('[data-name="Heat"]').first().waitFor({ state: 'attached' });
    for (const name of ['Works with', 'Tasks', 'Frames/s']) await expectNamed(name);
    await page.setViewportSize({ width: 1280, height: 900 });
    await go('');
    const lines = await page
      .locator('tbody time')
      .evaluateAll((all) => all.map((one) => one.getClientRects().length));
    expect(new Set(lines)).toEqual(new Set([1]));
  });

  it('says on every page that the disk is full', async () => {
    const full = { code: 'disk-full', message: "The server's disk is full.", remedy: 'Make room.' };
    const news = {
      ...{ nodes: { changed: [], gone: [] }, jobs: { order: [], changed: [], next: null } },
      ...{ counts: {}, samples: [], problems: [full] },
    };
    await page.route(/\/v1\/farm/, (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body: `event: farm\ndata: ${JSON.stringify(news)}\n\n`,
      }),
    );
    for (const path of ['', 'nodes', 'add', 'access']) {
      await go(path);
      await page.reload();
      await page.getByRole('alert').getByText(full.message).waitFor();
    }
    await page.unroute(/\/v1\/farm/);
  });

  it('forgets what went wrong with a button when it is pressed again', async () => {
    const id = await submit({ ...patternJob(), placement: { labels: ['none-has-this'] } });
    await page.route(/cancel$/, (route) => route.abort());
    await go(`jobs/${id}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('alert').getByText('does not answer').waitFor();
    await page.unroute(/cancel$/);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('cancelled', { exact: true }).waitFor();
    expect(await page.getByText('does not answer').count()).toBe(0);
    // Taken up again it goes on where it stands.
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('has label none-has-this').waitFor();
    await page.getByText('The job was cancelled.').waitFor();
  });

  it('selects what is to be copied where no page may copy', async () => {
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined });
    });
    await go('add');
    await page.reload();
    await page.getByRole('button', { name: 'Show how' }).click();
    await page.getByRole('button', { name: 'Copy link for a browser' }).click();
    await page.getByRole('status').getByText('The text is selected').waitFor();
    const text = await page.getByRole('region', { name: 'link for a browser' }).textContent();
    expect(await page.evaluate(() => `${getSelection()}`)).toBe(text);
    await expectAccessible(page);
    expect(faults).toEqual([]);
  });
});
