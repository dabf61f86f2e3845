import puppeteer, { type Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type StaticPages, serveStatically } from '../bench/live/static-pages.ts';
import { findBrowser } from '../headless-runner/browser/find.ts';
import { Workspace } from './support/workspace.ts';
import { cameraArgs, writeY4m } from './support/y4m.ts';

const workspace = Workspace.use();
let pages: StaticPages;
/** Not Playwright's, whose pages all believe that they are seen. */
let browser: Browser;

beforeAll(async () => {
  const film = workspace.at('camera.y4m');
  await writeY4m(film, { width: 640, height: 480, fps: 30, frames: 60 });
  pages = await serveStatically();
  browser = await puppeteer.launch({
    executablePath: findBrowser(null),
    args: [...cameraArgs(film), ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
});
afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

it('a live page that is hidden goes on working, and says so when it is seen again', async () => {
  const page = await browser.newPage();
  await page.goto(`${pages.url}/overlay/`);
  await page.locator('aside select').fill('camera');
  await page.locator('::-p-aria([name="Start"][role="button"])').click();
  await page.waitForFunction(() => document.body.innerText.includes('infer'), { timeout: 60_000 });
  const other = await browser.newPage();
  await other.bringToFront();
  await page.waitForFunction(() => document.hidden);
  // What comes out, read where it comes out: nothing is painted now.
  const fps = await page.evaluate(async () => {
    const { srcObject } = document.querySelector('video')!;
    const track = (srcObject as MediaStream).getVideoTracks()[0]!.clone();
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const began = performance.now();
    let frames = 0;
    while (performance.now() - began < 5_000) {
      const { value } = await reader.read();
      value?.close();
      frames++;
    }
    await reader.cancel();
    track.stop();
    return (1000 * frames) / (performance.now() - began);
  });
  expect(fps).toBeGreaterThan(15);
  await page.bringToFront();
  await page.waitForFunction(() =>
    /the tab was hidden for \d+ s, and made [1-9]\d+ pictures meanwhile/.test(document.body.innerText),
  );
});
