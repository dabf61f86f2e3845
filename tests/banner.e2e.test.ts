import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { installStampCamera } from '../bench/live/stamps.ts';
import { type StaticPages, serveStatically } from '../bench/live/static-pages.ts';
import type { BannerView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import type { Reception } from '../web/live/index.ts';
import { buildLibrary, type LiveWindow, openLivePage } from './support/live-library.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot } from './support/pages.ts';
import { Workspace } from './support/workspace.ts';

const CAMERA = { width: 1280, height: 720, fps: 30 };
const workspace = Workspace.use();
let pages: StaticPages;
let browser: Browser;
let server: TestServer | null = null;
const contexts: BrowserContext[] = [];
const faults: string[][] = [];

beforeAll(async () => {
  await buildLibrary(workspace.at('library'));
  pages = await serveStatically({ '/library/': workspace.at('library') });
  browser = await openBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await server?.stop();
  server = null;
  expect(faults.splice(0).flat()).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

/** The banner page, on a camera. */
async function openBanner(url = pages.url): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
  contexts.push(context);
  const { page, faults: own } = await openPage(context);
  faults.push(own);
  await page.addInitScript(installStampCamera, CAMERA);
  await page.goto(`${url}/banner/`);
  await page.getByRole('combobox', { name: /^Source/ }).selectOption('camera');
  await page.getByLabel('with its microphone').check();
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByText('1280×720').waitFor();
  return page;
}

/** The mean colour of a part of what a video shows, in shares of it. */
const colorOf = (page: Page, [x, y, width, height]: readonly number[], selector = '.stage video') =>
  page.evaluate(
    ({ selector, x, y, width, height }) => {
      const video = document.querySelector<HTMLVideoElement>(selector)!;
      const canvas = new OffscreenCanvas(1, 1);
      const context = canvas.getContext('2d')!;
      const { videoWidth: w, videoHeight: h } = video;
      context.imageSmoothingQuality = 'high';
      context.drawImage(video, x * w, y * h, width * w, height * h, 0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    },
    { selector, x: x!, y: y!, width: width!, height: height! },
  );

async function addLayer(page: Page, kind: string): Promise<void> {
  await page.getByLabel('Kind of layer').selectOption(kind);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
}

/** Where the first lower third's bar is; where the ticker is. */
const BAR = [0.001, 0.87, 0.004, 0.05] as const;
const TICKER = [0.1, 0.955, 0.02, 0.03] as const;

/** The right edge of a second picture of the usual width in its usual corner: 3 px, 36 from the right. */
const INSET_BORDER = [1 - 38.5 / 1280, 0.8, 2 / 1280, 0.05] as const;

const isWhite = (color: number[]) => Math.min(...color) > 215;
const isBlue = ([r, g, b]: number[]) => b! > r! + 80 && b! > g! + 40;
const isRed = ([r, g, b]: number[]) => r! > g! + 60 && r! > b! + 60;

it('layers come and go by their keys, and show what is written', async () => {
  const page = await openBanner();
  await expect.poll(() => colorOf(page, BAR)).toSatisfy(isBlue);
  await page.keyboard.press('1');
  await expect.poll(() => colorOf(page, BAR)).not.toSatisfy(isBlue);
  await page.keyboard.press('4');
  await expect.poll(() => colorOf(page, TICKER)).toSatisfy(isRed);
  await page.keyboard.press('0');
  await expect.poll(() => colorOf(page, TICKER)).not.toSatisfy(isRed);
  // What is written in a field is no key.
  await page.getByLabel('Title', { exact: true }).fill('Channel 14');
  await page.getByLabel('Title', { exact: true }).press('4');
  expect(await page.getByRole('button', { pressed: true }).count()).toBe(0);
  await page.getByLabel('Title', { exact: true }).blur();
  for (const key of ['1', '2', '3', '4']) await page.keyboard.press(key);
  await expect.poll(() => page.getByRole('button', { pressed: true }).count()).toBe(4);
  await expectAccessible(page);
  await expectFits(page);
  await expect.poll(() => colorOf(page, TICKER)).toSatisfy(isRed);
  await shoot(page, 'banner');
  await page.setViewportSize({ width: 390, height: 844 });
  await expectFits(page);
});

it('a layer is added, coloured, moved and removed, and is there again when the page is', async () => {
  const page = await openBanner();
  await addLayer(page, 'lower-third');
  await page.getByLabel('Title', { exact: true }).fill('On the right');
  await page.getByRole('combobox', { name: /^Side/ }).selectOption('right');
  await page
    .getByRole('textbox', { name: 'Bar' })
    .or(page.getByLabel('Bar', { exact: true }))
    .fill('#ff0000');
  await page.keyboard.press('Escape');
  await page
    .getByRole('button', { name: /lower-third-1/ })
    .first()
    .click();
  await expect.poll(() => colorOf(page, [0.995, 0.87, 0.004, 0.05])).toSatisfy(isRed);
  await page.reload();
  await page.getByRole('button', { name: /Lower third lower-third-1/ }).click();
  expect(await page.getByLabel('Title', { exact: true }).inputValue()).toBe('On the right');
  await page.getByRole('button', { name: 'Remove' }).click();
  expect(await page.getByRole('button', { name: /lower-third-1/ }).count()).toBe(0);
});

it('a second picture lies over the first', async () => {
  const page = await openBanner();
  await addLayer(page, 'picture-in-picture');
  await page.getByRole('combobox', { name: /^Corner/ }).selectOption('bottom-left');
  await page.getByRole('button', { name: 'Take it' }).click();
  // The sky of the street, over the lower third's place.
  await expect
    .poll(() => colorOf(page, [0.1, 0.64, 0.05, 0.02]))
    .not.toSatisfy(([r, g, b]: number[]) => near(r, 90) && near(g, 100) && near(b, 112));
  await shoot(page, 'banner-inset');
});

const near = (value: number | undefined, wanted: number) => Math.abs(value! - wanted) < 14;

async function publish(page: Page, on: TestServer, token: string): Promise<string> {
  await page.getByLabel('Server', { exact: true }).fill(on.url);
  await page.getByLabel('Out token').fill(token);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByText('On air').waitFor();
  return page.locator('.address').innerText();
}

it('this page is watched by WHEP, exactly as its preview shows it, and its banner is driven from outside', async () => {
  server = await startTestServer();
  const page = await openBanner(server.url);
  const address = await publish(page, server, await server.token('publish'));
  const { page: viewer, context, faults: own } = await openLivePage(browser, pages);
  contexts.push(context);
  faults.push(own);
  await viewer.evaluate(
    async (source) => {
      const { edge, show } = window as unknown as LiveWindow;
      show('watched', (await edge.openSource({ kind: 'whep', ...source })).stream);
    },
    { url: address, token: await server.token('view') },
  );
  await page.getByText('1 viewer').waitFor();
  await expect.poll(() => colorOf(viewer, BAR, '#watched')).toSatisfy(isBlue);
  const sound = await viewer.evaluate(() => {
    const { srcObject } = document.querySelector<HTMLVideoElement>('#watched')!;
    return (srcObject as MediaStream).getAudioTracks().length;
  });
  expect(sound).toBe(1);
  const banner = `/v1/streams/${address.split('/').at(-1)}/banner`;
  const layers = [{ id: 'news', kind: 'ticker', text: 'From outside' }];
  await server.ask('PUT', banner, { body: { layers } });
  await expect.poll(() => colorOf(viewer, TICKER, '#watched')).toSatisfy(isRed);
  await expect.poll(() => page.getByRole('button', { name: /Ticker/ }).count()).toBe(1);
  // And what is done here is known there.
  await page.locator('h1').press('1');
  const kept = async () => (await server!.ask<BannerView>('GET', banner)).body.state!.layers[0]!.shown;
  await expect.poll(kept).toBe(false);
  await expect
    .poll(() => page.locator('form[aria-label=Out]').innerText())
    .toMatch(/1280×720, \d+(\.\d)? fps/);
  await shoot(page, 'banner-on-air');
  await page.getByRole('button', { name: 'Stop sending' }).click();
  await expect.poll(() => page.getByText('On air').count()).toBe(0);
});

it('it is sent by WHIP to whoever takes it', async () => {
  server = await startTestServer();
  const token = await server.token('publish');
  const { page: receiver, context, faults: own } = await openLivePage(browser, pages);
  contexts.push(context);
  faults.push(own);
  const address = await receiver.evaluate(
    async (options) => {
      const { edge, show, kept } = window as unknown as LiveWindow;
      const reception: Reception = await edge.receiveStream(options, {
        onStream: (stream) => show('received', stream),
      });
      kept.reception = reception;
      return reception.address;
    },
    { server: server.url, token, name: 'in' },
  );
  const page = await openBanner();
  await page.getByRole('combobox', { name: /^Out/ }).selectOption('whip');
  await page.getByLabel('WHIP address').fill(address);
  await page.getByLabel('Out token').fill(token);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByText('Connected').waitFor();
  await receiver.locator('#received').waitFor({ state: 'attached' });
  await expect.poll(() => colorOf(receiver, BAR, '#received')).toSatisfy(isBlue);
});

it('two pages call each other, each with its own banner', async () => {
  server = await startTestServer();
  const first = await openBanner(server.url);
  const address = await publish(first, server, await server.token('publish'));
  const second = await openBanner(server.url);
  await second.locator('h1').press('4');
  await second.getByRole('combobox', { name: /^Out/ }).selectOption('call');
  await second.getByLabel('Its WHEP address').fill(address);
  await second.getByLabel('Out token').fill(await server.token('view'));
  await second.getByRole('button', { name: 'Call', exact: true }).click();
  await second.getByText('Connected').waitFor();
  await expect.poll(() => second.locator('.caller').count()).toBe(1);
  await expect.poll(() => first.locator('.caller').count()).toBe(1);
  await expect.poll(() => colorOf(second, BAR, '.caller')).toSatisfy(isBlue);
  await expect.poll(() => colorOf(first, TICKER, '.caller')).toSatisfy(isRed);
  await shoot(first, 'banner-call');
  await second.getByRole('button', { name: 'Stop sending' }).click();
  await expect.poll(() => first.locator('.caller').count()).toBe(0);
});

it('what keeps it from being sent is said, and the picture goes on', async () => {
  server = await startTestServer();
  const page = await openBanner();
  const words = () => page.locator('form[aria-label=Out] [role=alert]').innerText();
  await page.getByLabel('Server', { exact: true }).fill(server.url);
  await page.getByLabel('Out token').fill('er_nobody');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(words).toContain('does not know this token');
  await page.getByRole('combobox', { name: /^Out/ }).selectOption('whip');
  await page.getByLabel('WHIP address').fill('http://127.0.0.1:1/whip');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(words).toContain('can read nothing from 127.0.0.1:1');
  await expect.poll(() => colorOf(page, BAR)).toSatisfy(isBlue);
});

it('of what was changed while it was not sent, the last counts: here, or outside', async () => {
  server = await startTestServer();
  const page = await openBanner(server.url);
  const title = page.getByLabel('Title', { exact: true });
  const again = async () => {
    await page.getByRole('button', { name: 'Stop sending' }).click();
    await expect.poll(() => page.getByText('On air').count()).toBe(0);
  };
  await title.fill('Ada');
  const address = await publish(page, server, await server.token('publish'));
  const banner = `/v1/streams/${address.split('/').at(-1)}/banner`;
  const kept = async () => (await server!.ask<BannerView>('GET', banner)).body.state?.layers[0];
  await expect.poll(kept).toMatchObject({ title: 'Ada' });
  await again();
  await title.fill('Grace');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(kept).toMatchObject({ title: 'Grace' });
  await again();
  await server.ask('PUT', banner, {
    body: { layers: [{ id: 'name', kind: 'lower-third', title: 'Outside' }] },
  });
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByText('On air').waitFor();
  await expect.poll(() => title.inputValue()).toBe('Outside');
  expect(await kept()).toMatchObject({ title: 'Outside' });
});

it('a banner that is too large is refused before it is sent, and the one before stays', async () => {
  const page = await openBanner();
  // Noise: no format makes it smaller.
  const noise = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 290, height: 290 });
    const context = canvas.getContext('2d')!;
    const pixels = context.createImageData(290, 290);
    for (let i = 0; i < pixels.data.length; i += 1024)
      crypto.getRandomValues(pixels.data.subarray(i, i + 1024));
    context.putImageData(pixels, 0, 0);
    return canvas.toDataURL('image/png').split(',')[1]!;
  });
  const logo = { name: 'noise.png', mimeType: 'image/png', buffer: Buffer.from(noise, 'base64') };
  for (const which of [1, 2]) {
    await addLayer(page, 'logo');
    await page.getByLabel('Picture', { exact: true }).setInputFiles(logo);
    if (which === 1)
      await expect
        .poll(() => page.evaluate(() => localStorage.getItem('edge-runner-banner')!.length))
        .toBeGreaterThan(400_000);
  }
  await page.getByText('A banner has at most 768 KiB.').waitFor();
  expect(await page.evaluate(() => localStorage.getItem('edge-runner-banner')!.length)).toBeLessThan(
    768 << 10,
  );
  await page.getByRole('button', { name: 'Remove' }).click();
  await expect.poll(() => page.getByRole('alert').count()).toBe(0);
});

it('a second picture that was unplugged comes back', async () => {
  const page = await openBanner();
  await page.evaluate(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const stream = await ask(constraints);
      Object.assign(window, { camera: stream.getVideoTracks()[0] });
      return stream;
    };
  });
  await addLayer(page, 'picture-in-picture');
  await page.getByRole('combobox', { name: /^Second picture/ }).selectOption('camera');
  await page.getByRole('button', { name: 'Take it' }).click();
  // Its border, which is there as long as it is.
  await expect.poll(() => colorOf(page, INSET_BORDER)).toSatisfy(isWhite);
  await page.evaluate(() => {
    const { camera } = window as unknown as { camera: MediaStreamTrack };
    camera.stop();
    camera.dispatchEvent(new Event('ended'));
  });
  await page.getByRole('alert').getByText('is gone: it was unplugged').waitFor();
  await expect.poll(() => colorOf(page, INSET_BORDER)).not.toSatisfy(isWhite);
  await page.evaluate(() => navigator.mediaDevices.dispatchEvent(new Event('devicechange')));
  await expect.poll(() => colorOf(page, INSET_BORDER)).toSatisfy(isWhite);
  await expect.poll(() => page.getByRole('alert').count()).toBe(0);
});
