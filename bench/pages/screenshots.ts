import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'puppeteer-core';
import type { JobDetail, JobView } from '../../protocol/index.ts';
import { patternJob, SimulatedNode } from '../../server/testing-node.ts';
import { SimulatedFarm } from '../../tests/support/farm.ts';
import { ROOT } from '../root.ts';
import { withScratch } from '../scratch.ts';
import { shootLive } from './live-screenshots.ts';
import { contribute, type PageServer, withPages } from './with-pages.ts';

const DESK = { width: 1280, height: 800 };
/** A job with all that came of it. */
const TALL = { width: 1280, height: 1240 };
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2 };
const FOLDER = join(ROOT, 'docs/images');

/**
 * `npm run screenshots`: the pictures of the docs, of a server that runs and of nodes that are simulated; with `live`,
 * those of the live pages alone.
 */
async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await withScratch('screenshots', (folder) =>
    withPages(folder, 'data', async (server, browser) => {
      await shootLive(server, browser, shoot);
      if (process.argv[2] === 'live') return;
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
      const id = await failOnce(server, {
        ...{ v: 1, sources: [street] },
        stages: [{ id: 'detect', kind: 'detect', from: 'in', options: { model: 'street-yolo' } }],
        outputs: [
          { id: 'out', kind: 'video', from: 'detect', name: 'street.mp4', container: 'mp4' },
          { id: 'events', kind: 'events', from: 'detect' },
        ],
      });
      const tab = await contribute(server, browser);
      await tab.setViewport({ width: 760, height: 900 });
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
        await page.waitForFunction(() => /all nodes [1-9]\d{3}/.test(document.body.innerText), {
          timeout: 60_000,
        });
        await shoot(page, 'dashboard');
        await go(page, 'nodes', 'tbody tr');
        await shoot(page, 'nodes');
        await ended(server, id);
        await page.setViewport(TALL);
        await go(page, `jobs/${id}`, '.lanes li:nth-child(2)');
        await showMiddle(page);
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

/** A job of which a node has failed already, and has gone. @returns its id. */
async function failOnce(server: PageServer, spec: object): Promise<string> {
  const node = await SimulatedNode.enrol(server, await server.token('enrol'), {}, 'attic-pc');
  await node.connect();
  const { body } = await server.ask<JobView>('POST', '/v1/jobs', { body: { spec } });
  const offer = await node.next('offer');
  await node.hold(offer);
  const { attempt, lease } = offer;
  const error = {
    code: 'engine-fault',
    message: 'The GPU was lost: its driver began anew.',
    remedy: 'See to its driver, and to its heat.',
  };
  node.send({ type: 'fail', attempt, lease, ...error, retry: true });
  while ((await show(server, body.id)).taskList[0]!.attempts[0]!.state !== 'failed') {}
  await node.leave();
  await server.ask('DELETE', `/v1/nodes/${node.id}`);
  return body.id;
}

const show = async (server: PageServer, id: string): Promise<JobDetail> =>
  (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;

async function ended(server: PageServer, id: string): Promise<void> {
  for (;;) {
    const { state } = await show(server, id);
    if (state === 'done') return;
    if (state === 'failed' || state === 'cancelled') throw new Error(`the job is ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** A video begins with an empty street. */
const showMiddle = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const video = document.querySelector('video')!;
    if (video.readyState === 0)
      await new Promise((resolve) => video.addEventListener('loadedmetadata', resolve, { once: true }));
    video.currentTime = video.duration / 2;
    await new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }));
  });

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
