import type { Browser, Page } from 'puppeteer-core';
import type { PageServer } from './with-pages.ts';

const WIDE = { width: 1280, height: 860 };

/** The pictures of the live pages, each on the street that comes with them. */
export async function shootLive(
  server: PageServer,
  browser: Browser,
  shoot: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  const overlay = await open(server, browser, 'overlay');
  await overlay.locator('::-p-text(Side by side)').click();
  await overlay.waitForFunction(() => document.body.innerText.includes('infer-depth'), { timeout: 60_000 });
  await overlay.locator('::-p-text(+ Polygon)').click();
  const box = (await (await overlay.$('svg.zones'))!.boundingBox())!;
  for (const [x, y] of [
    [0.36, 0.55],
    [0.62, 0.55],
    [0.99, 0.8],
    [0.7, 0.99],
    [0.4, 0.99],
  ] as const)
    await overlay.mouse.click(box.x + x * box.width, box.y + y * box.height);
  await overlay.locator('::-p-text(Done)').click();
  await seen(overlay, 100);
  await overlay.evaluate(() => scrollTo(0, 0));
  await shoot(overlay, 'overlay');
  await overlay.close();

  const banner = await open(server, browser, 'banner');
  await banner.select('[aria-label="Kind of layer"]', 'picture-in-picture');
  await banner.locator('::-p-aria([name="Add"][role="button"])').click();
  await banner.locator('::-p-text(Take it)').click();
  const layers = await banner.$$('.onair');
  await layers[3]!.click();
  await banner.locator('input[type=password]').fill(await server.token('publish'));
  await banner.locator('::-p-aria([name="Send"][role="button"])').click();
  await banner.waitForFunction(() => document.body.innerText.includes('On air'), { timeout: 60_000 });
  await banner.locator('.layer .name').click();
  // Until the ticker has come all the way.
  await seen(banner, 200);
  await banner.evaluate(() => scrollTo(0, 0));
  await shoot(banner, 'banner');
  await banner.close();
}

async function open(server: PageServer, browser: Browser, name: string): Promise<Page> {
  const page = await browser.newPage();
  await page.setViewport(WIDE);
  await page.goto(`${server.url}/${name}/`);
  await page.locator('::-p-aria([name="Start"][role="button"])').click();
  await page.waitForSelector('.figures', { timeout: 60_000 });
  return page;
}

/** So many pictures of the page's first video. */
const seen = (page: Page, frames: number): Promise<void> =>
  page.evaluate(async (count) => {
    const video = document.querySelector('video')!;
    for (let i = 0; i < count; i++) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  }, frames);
