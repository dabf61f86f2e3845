import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INTERVALS } from '../server/grid/intervals.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob } from '../server/testing-node.ts';
import { SimulatedFarm } from './support/farm.ts';
import { openBrowser, openPage, shoot } from './support/pages.ts';

const NODES = 500;
const JOBS = 5_000;

describe('the dashboard of a farm of 500 nodes and 5,000 jobs', () => {
  let server: TestServer;
  let farm: SimulatedFarm;
  let browser: Browser;

  beforeAll(async () => {
    server = await startTestServer({ intervals: INTERVALS });
    farm = new SimulatedFarm(server);
    await farm.join(NODES);
    for (let left = JOBS; left > 0; left -= 50)
      await Promise.all(Array.from({ length: 50 }, () => farm.submit(patternJob())));
    farm.work(1, 600);
    browser = await openBrowser();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
    await server?.stop();
  });

  it('is there in a second and a half, goes on without a long task, and its memory stays', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const { page, faults } = await openPage(context);
    await page.addInitScript(() => {
      const long: number[] = [];
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) long.push(Math.round(duration));
      }).observe({ type: 'longtask', buffered: true });
      Object.assign(window, { long });
    });
    await page.goto(`${server.url}/dashboard/#login=${server.running.loginCode}`);
    await page.getByRole('heading', { name: `${NODES} nodes` }).waitFor();
    // Once more as somebody who comes back: the login is no part of it.
    await page.goto('about:blank');
    const began = performance.now();
    await page.goto(`${server.url}/dashboard/`, { waitUntil: 'commit' });
    await page.getByRole('heading', { name: `${NODES} nodes` }).waitFor();
    await page.getByRole('row').nth(5).waitFor();
    const first = performance.now() - began;
    await page.evaluate('window.long.length = 0');
    const cdp = await context.newCDPSession(page);
    const heap = async () => {
      await cdp.send('HeapProfiler.collectGarbage');
      return (await cdp.send('Runtime.getHeapUsage')).usedSize;
    };
    // It is alive: every look is another one.
    const line = page.getByText(/frames a second$/).first();
    const said = new Set<string>();
    const seen = async (times: number) => {
      for (const until = said.size + times; said.size < until; ) {
        said.add((await line.textContent())!);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      }
    };
    await seen(10);
    const before = await heap();
    await seen(20);
    const after = await heap();
    const later = (await page.evaluate('window.long')) as number[];
    await shoot(page, 'large-farm');
    expect(first).toBeLessThan(1_500);
    expect(later.filter((duration) => duration > 100)).toEqual([]);
    expect(after / before).toBeLessThan(1.1);
    expect(faults).toEqual([]);
  }, 240_000);
});
