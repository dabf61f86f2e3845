/** node scripts/picture.mjs: the README's picture, a frame of what `npm run demo` made in demo/out.mp4. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';
import { ensureBrowser, ensureBuilt, ensurePackages, ROOT } from './setup.mjs';

ensurePackages();
ensureBuilt();
/** Seconds into the clip. */
const AT = Number(process.argv[2] ?? 2);
const WIDTH = 1600;
const folder = mkdtempSync(join(tmpdir(), 'edge-runner-picture-'));
const browser = await puppeteer.launch({ executablePath: await ensureBrowser(), args: ['--no-sandbox'] });
try {
  copyFileSync(join(ROOT, 'demo/out.mp4'), join(folder, 'out.mp4'));
  writeFileSync(
    join(folder, 'page.html'),
    `<style>* { margin: 0; display: block }</style><video src="out.mp4" muted width="${WIDTH}"></video>`,
  );
  const page = await browser.newPage();
  await page.setViewport({ width: WIDTH, height: WIDTH });
  await page.goto(pathToFileURL(join(folder, 'page.html')).href);
  const video = await page.$('video');
  await video.evaluate(
    (element, time) =>
      new Promise((resolve, reject) => {
        element.onseeked = () => requestAnimationFrame(() => requestAnimationFrame(resolve));
        element.onerror = () => reject(new Error(element.error.message));
        element.currentTime = time;
      }),
    AT,
  );
  await video.screenshot({ path: join(ROOT, 'docs/street.jpg'), type: 'jpeg', quality: 82 });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
