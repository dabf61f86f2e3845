import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'puppeteer-core';
import { patternJob } from '../../server/testing-node.ts';
import { SimulatedFarm } from '../../tests/support/farm.ts';
import { ROOT } from '../root.ts';
import { withScratch } from '../scratch.ts';
import { contribute, withPages } from './with-pages.ts';

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2 };
const FOLDER = join(ROOT, 'docs/images');

/** `npm run screenshots`: the pictures of the docs, of a server that runs and of nodes that are simulated. */
async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await withScratch('screenshots', (folder) =>
    withPages(folder, 'data', async (server, browser) => {
      const tab = await contribute(server, browser);
      await tab.setViewport({ width: 760, height: 900 });
      const street = {
        id: 'in',
        kind: 'street',
        width: 640,
        height: 360,
        fps: 15,
        frames: 300,
        seed: 7,
        realtime: true,
      };
      await server.ask('POST', '/v1/jobs', {
        body: {
          spec: {
            ...{ v: 1, sources: [street] },
            stages: [{ id: 'detect', kind: 'detect', from: 'in', options: { model: 'street-yolo' } }],
            outputs: [{ id: 'out', kind: 'video', from: 'detect', name: 'street.mp4', container: 'mp4' }],
          },
        },
      });
      await tab.waitForFunction(() => /Frame [3-9]\d of/.test(document.body.innerText), { timeout: 120_000 });
      await shoot(tab, 'contribute');
      const farm = new SimulatedFarm(server);
      try {
        await farm.join(46);
        for (let i = 0; i < 60; i++) await farm.submit(patternJob(i % 7 === 0 ? 12 : 1));
        farm.work(2, 2_000);
        farm.nodes[5]!.send({ type: 'pause', reason: { code: 'thermal', message: 'the GPU is at 97 °C' } });
        const page = await browser.newPage();
        await page.setViewport(DESK);
        await page.goto(`${server.url}/dashboard/#login=${server.loginCode}`);
        await page.waitForSelector('.map li');
        // Until its charts have something to show.
        await page.waitForFunction(() => /now [1-9]\d{3}/.test(document.body.innerText), { timeout: 60_000 });
        await shoot(page, 'dashboard');
        await go(page, 'nodes', 'tbody tr');
        await shoot(page, 'nodes');
        const job = await farm.submit(patternJob(12, { priority: 50 }));
        await go(page, `jobs/${job.id}`, '.lanes li:nth-child(4)');
        await shoot(page, 'job');
        await page.setViewport(PHONE);
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
        await go(page, '', '.map li');
        await shoot(page, 'dashboard-phone');
        await page.goto(`${server.url}/api/`);
        await page.setViewport(DESK);
        await page.waitForSelector('article');
        await shoot(page, 'api');
      } finally {
        await farm.stop();
      }
    }),
  );
  process.stdout.write(`${FOLDER} has the pictures.\n`);
}

async function go(page: Page, place: string, selector: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${place}`);
  await page.waitForSelector(selector);
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.bringToFront();
  await page.screenshot({ path: join(FOLDER, `${name}.webp`), type: 'webp', quality: 88 });
}

await main();
