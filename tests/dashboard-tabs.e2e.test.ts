import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../protocol/index.ts';
import { INTERVALS } from '../server/grid/intervals.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob, SimulatedNode } from '../server/testing-node.ts';
import { openBrowser, openPage } from './support/pages.ts';

/** What a person has open at once. */
const TABS = 8;
/** A page that waits for a connection would wait for ever. */
const LATE_MS = 30_000;

describe('the dashboard in many tabs of one browser', () => {
  let server: TestServer;
  let node: SimulatedNode;
  let browser: Browser;
  let context: BrowserContext;
  let job: JobView;

  beforeAll(async () => {
    server = await startTestServer({ intervals: INTERVALS });
    node = await SimulatedNode.enrol(server, await server.token('enrol'), {}, 'mac mini');
    await node.connect();
    job = (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } })).body;
    await node.hold(await node.next('offer'));
    browser = await openBrowser();
    context = await browser.newContext();
    await context.addInitScript(() => {
      const open = new Set<EventSource>();
      const Before = EventSource;
      // Streams that are open, and whether the page is hidden: headless pages never are.
      Object.assign(window, {
        open,
        EventSource: class extends Before {
          constructor(url: string) {
            super(url);
            open.add(this);
          }
          override close() {
            super.close();
            open.delete(this);
          }
        },
      });
    });
    const { page } = await openPage(context);
    await page.goto(`${server.url}/dashboard/#login=${server.running.loginCode}`);
    await page.getByRole('heading', { name: '1 node' }).waitFor();
    await page.close();
  });
  afterAll(async () => {
    await browser.close();
    await node.leave();
    await server.stop();
  });

  const streams = (page: Page): Promise<number> => page.evaluate('window.open.size');
  const show = (page: Page, state: 'visible' | 'hidden') =>
    page.evaluate((now) => {
      Object.defineProperty(document, 'visibilityState', { value: now, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  const progress = (frames: number, seq: number) => {
    const { attempt, lease } = node.held[0]!;
    node.send({ type: 'progress', attempt, lease, seq, frames, of: 10, fps: 25 });
  };

  it('holds one stream a page, none while it is hidden, and catches up when it is seen again', async () => {
    const pages: Page[] = [];
    for (let i = 0; i < TABS; i++) {
      const { page } = await openPage(context);
      pages.push(page);
      const ofJob = i % 2 === 0;
      await page.goto(`${server.url}/dashboard/#/${ofJob ? `jobs/${job.id}` : ''}`, { timeout: LATE_MS });
      if (ofJob) await page.getByText('offered to mac mini').waitFor({ timeout: LATE_MS });
      else await page.getByRole('heading', { name: '1 node' }).waitFor({ timeout: LATE_MS });
      expect(await streams(page)).toBe(1);
      await show(page, 'hidden');
      expect(await streams(page)).toBe(0);
    }
    // The ninth is like the first.
    const { page: last, faults } = await openPage(context);
    await last.goto(`${server.url}/dashboard/#/jobs/${job.id}`, { timeout: LATE_MS });
    await last.getByText('offered to mac mini').waitFor({ timeout: LATE_MS });
    progress(4, 0);
    await last.getByText(/^4 of 10 frames/).waitFor();
    const [ofJob, ofFarm] = pages as [Page, Page];
    expect(await ofJob.getByText(/^4 of 10 frames/).count()).toBe(0);
    await show(ofJob, 'visible');
    await ofJob.getByText(/^4 of 10 frames/).waitFor();
    // What it had heard it does not hear again.
    expect(await ofJob.getByText('offered to mac mini').count()).toBe(1);
    await show(ofFarm, 'visible');
    await ofFarm.getByText('4 of 10 frames').waitFor();
    for (const page of [last, ofJob, ofFarm]) expect(await streams(page)).toBe(1);
    // From page to page it stays one.
    await ofJob.getByRole('link', { name: 'Nodes' }).click();
    await ofJob.getByRole('link', { name: 'mac mini' }).click();
    await ofJob.getByRole('row', { name: /pattern/ }).waitFor();
    expect(await streams(ofJob)).toBe(1);
    // A job that has ended is told to its end, and after it the farm: nothing says that the server were gone.
    node.finish(node.held[0]!);
    await last.getByText('The job is done.').waitFor();
    await last.getByRole('region', { name: 'Progress' }).getByText('done', { exact: true }).waitFor();
    await expect.poll(() => last.evaluate('[...window.open][0].url')).toContain('/v1/farm');
    expect(await streams(last)).toBe(1);
    expect(await last.getByRole('alert').count()).toBe(0);
    expect(faults).toEqual([]);
  });
});
