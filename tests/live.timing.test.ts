import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installStampCamera, readStamps } from '../bench/live/stamps.ts';
import { median } from '../bench/reporting/statistics.ts';
import { openBrowser, openPage, shoot } from './support/pages.ts';
import { type StaticPages, serveStatically } from './support/static-pages.ts';

let pages: StaticPages;
let browser: Browser;

beforeAll(async () => {
  pages = await serveStatically();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

it('the overlay page finds objects in 640×480 at 15 fps or more, and shows them within 150 ms, on the cpu', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const { page, faults } = await openPage(context);
  await page.addInitScript(installStampCamera, { width: 640, height: 480, fps: 30 });
  await page.goto(`${pages.url}/overlay/`);
  await page.getByRole('combobox', { name: /^Source/ }).selectOption('camera');
  await page.getByRole('combobox', { name: /^Backend/ }).selectOption('cpu');
  await page.getByRole('button', { name: 'Start' }).click();
  // Models are loaded when something was looked at.
  await page.getByText('infer', { exact: true }).waitFor();
  const { fps, latencies, unread } = await page.evaluate(readStamps, { selector: 'video', seconds: 10 });
  const words = `${fps.toFixed(1)} fps, ${median(latencies)} ms, ${unread} of ${latencies.length} unread`;
  process.stdout.write(`overlay: ${words}\n`);
  await shoot(page, 'overlay-stamps');
  // Boxes are drawn over the rest.
  expect(latencies.length, words).toBeGreaterThan(unread);
  expect(fps, words).toBeGreaterThanOrEqual(15);
  expect(median(latencies), words).toBeLessThanOrEqual(150);
  await shoot(page, 'overlay-stamps');
  expect(faults).toEqual([]);
  await context.close();
});
