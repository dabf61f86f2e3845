import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installStampCamera, readStamps } from '../bench/live/stamps.ts';
import { type StaticPages, serveStatically } from '../bench/live/static-pages.ts';
import { median } from '../bench/reporting/statistics.ts';
import { openBrowser, openPage, shoot } from './support/pages.ts';

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

it('the banner page composes 1280×720 at 25 fps or more, and adds at most 80 ms, on the cpu', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const { page, faults } = await openPage(context);
  await page.addInitScript(installStampCamera, { width: 1280, height: 720, fps: 30 });
  await page.goto(`${pages.url}/banner/`);
  await page.getByRole('combobox', { name: /^Source/ }).selectOption('camera');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByText('1280×720').waitFor();
  // Everything that there is lies over the picture.
  await page.keyboard.press('4');
  const processed = await page.evaluate(readStamps, { selector: 'video', seconds: 8 });
  // The same camera, as the browser shows it by itself.
  await page.evaluate(async () => {
    const video = document.createElement('video');
    Object.assign(video, { id: 'plain', muted: true, width: 320 });
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    document.body.append(video);
    await video.play();
  });
  const plain = await page.evaluate(readStamps, { selector: '#plain', seconds: 4 });
  const added = median(processed.latencies) - median(plain.latencies);
  const words = `${processed.fps.toFixed(1)} fps, ${added} ms added to ${median(plain.latencies)}`;
  process.stdout.write(`banner: ${words}\n`);
  expect(processed.latencies.length, words).toBeGreaterThan(processed.unread);
  expect(processed.fps, words).toBeGreaterThanOrEqual(25);
  expect(added, words).toBeLessThanOrEqual(80);
  expect(faults).toEqual([]);
  await context.close();
});
