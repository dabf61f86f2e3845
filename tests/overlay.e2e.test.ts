import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type StaticPages, serveStatically } from '../bench/live/static-pages.ts';
import { H264, makeClip } from './support/clips.ts';
import { frameNumbers } from './support/counter.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { audioStream, videoStream } from './support/ffprobe.ts';
import { MediaServer } from './support/media-server.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot } from './support/pages.ts';
import { Workspace } from './support/workspace.ts';
import { cameraArgs, readCounters, writeY4m } from './support/y4m.ts';

const FILM = { width: 640, height: 480, fps: 30, frames: 60 };
const workspace = Workspace.use();
let pages: StaticPages;
let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  const film = workspace.at('camera.y4m');
  await writeY4m(film, FILM);
  pages = await serveStatically({ '/files/': workspace.path });
  browser = await openBrowser(cameraArgs(film));
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});
afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

async function openOverlay(prepare?: (page: Page) => Promise<unknown>) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  contexts.push(context);
  const { page, faults } = await openPage(context);
  await prepare?.(page);
  await page.goto(`${pages.url}/overlay/`);
  return { page, faults };
}

const choose = (page: Page, which: string, value: string) =>
  page.getByRole('combobox', { name: new RegExp(`^${which}`) }).selectOption(value);
const start = (page: Page) => page.getByRole('button', { name: /^(Start|Take this source)$/ }).click();
const looks = (page: Page) => page.getByRole('rowheader', { name: 'infer', exact: true }).waitFor();
const alert = (page: Page) => page.getByRole('alert').first().innerText();

/** Of a pattern that is played over and over: how far each number is behind the one before it. */
const steps = (numbers: readonly number[]) =>
  numbers.slice(1).map((number, i) => (number - numbers[i]! + FILM.frames) % FILM.frames);

it('finds, follows and measures what is on the built-in street, without a server', async () => {
  const { page, faults } = await openOverlay();
  await start(page);
  await looks(page);
  await expect.poll(() => page.locator('.found').innerText()).toMatch(/\d+ (person|car|bicycle)/);
  await choose(page, 'Finds objects', 'street-yolo');
  await page.getByText('Side by side').click();
  await page.getByRole('rowheader', { name: 'infer-depth' }).waitFor();
  await expect.poll(() => page.locator('.measures').innerText()).toContain('1280×360');
  const measured = await page.locator('.measures').innerText();
  expect(measured).toMatch(/backend\s+cpu no WebGPU adapter/);
  expect(measured).toMatch(/latency\s+\d+ ms/);
  await expectAccessible(page);
  await expectFits(page);
  await shoot(page, 'overlay-street');
  await page.setViewportSize({ width: 390, height: 844 });
  await expectFits(page);
  await shoot(page, 'overlay-phone');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Choose a source.').waitFor();
  expect(faults).toEqual([]);
});

it('every picture of a camera comes through, in order', async () => {
  const { page, faults } = await openOverlay();
  await choose(page, 'Source', 'camera');
  await page.getByRole('radio', { name: 'Nothing' }).check({ force: true });
  await start(page);
  await expect.poll(() => page.locator('.measures').innerText()).toContain('640×480');
  const numbers = await page.evaluate(readCounters, { selector: 'video', frames: 60 });
  expect(
    numbers.filter((number) => number >= FILM.frames),
    `${numbers}`,
  ).toEqual([]);
  // The display may leave one out, or show one twice; it never goes back.
  expect(Math.max(...steps(numbers))).toBeLessThan(10);
  expect(steps(numbers).filter((step) => step === 1).length).toBeGreaterThan(40);
  expect(faults).toEqual([]);
});

it('records what is shown to an MP4 that others read, and takes a picture of it', async () => {
  const { page } = await openOverlay();
  await choose(page, 'Source', 'camera');
  await page.getByLabel('with its microphone').check();
  await page.getByRole('radio', { name: 'Nothing' }).check({ force: true });
  await start(page);
  await page.getByRole('button', { name: '● Record' }).click();
  await page.getByRole('button', { name: /Stop \(3 s\)/ }).click();
  const video = await download(page, /\.mp4/);
  await page.getByRole('button', { name: 'Snapshot' }).click();
  const picture = await download(page, /\.png/);
  expect(videoStream(video)).toMatchObject({ codec_name: 'h264', width: 640, height: 480 });
  expect(audioStream(video)).toMatchObject({ codec_name: 'opus' });
  const numbers = frameNumbers(video, FILM);
  expect(numbers.length).toBeGreaterThan(50);
  expect(Math.max(...steps(numbers))).toBeLessThan(10);
  expect(videoStream(picture)).toMatchObject({ codec_name: 'png', width: 640, height: 480 });
});

async function download(page: Page, name: RegExp): Promise<string> {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name }).first().click(),
  ]);
  const path = workspace.at(file.suggestedFilename());
  await file.saveAs(path);
  return path;
}

it('counts who enters a zone that was drawn with the mouse', async () => {
  const { page, faults } = await openOverlay();
  await start(page);
  await looks(page);
  await page.getByRole('button', { name: '+ Polygon' }).click();
  const box = (await page.locator('video').boundingBox())!;
  for (const [x, y] of [
    [0.02, 0.3],
    [0.98, 0.3],
    [0.98, 0.98],
    [0.02, 0.98],
  ] as const)
    await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => page.locator('.zone').innerText()).toMatch(/polygon 1\s+\d+ inside, [1-9]\d* came/);
  await page.getByRole('button', { name: '+ Line' }).click();
  await page.mouse.click(box.x + 0.1 * box.width, box.y + 0.9 * box.height);
  await page.mouse.click(box.x + 0.9 * box.width, box.y + 0.9 * box.height);
  await page.getByText('line 1', { exact: true }).waitFor();
  await shoot(page, 'overlay-zones');
  await page.getByRole('button', { name: 'Remove polygon 1' }).click();
  await expect.poll(() => page.locator('.zone').count()).toBe(1);
  await page.getByText('As JSON').click();
  await page.getByLabel('Zones as JSON').fill('[{"name":"bow","polygon":[[0,0],[9,9],[9,0],[0,9]]}]');
  await page.getByLabel('Zones as JSON').blur();
  expect(await alert(page)).toContain('crosses itself');
  expect(faults).toEqual([]);
});

it('shows only what is wanted: by score and by class', async () => {
  const { page } = await openOverlay();
  await start(page);
  await looks(page);
  const found = page.locator('.found');
  await expect.poll(() => found.innerText()).toMatch(/person/);
  await page.getByLabel('car', { exact: true }).check();
  await expect
    .poll(async () => ((await found.count()) ? found.innerText() : ''))
    .not.toMatch(/person|bicycle/);
  await page.getByLabel('car', { exact: true }).uncheck();
  await expect.poll(() => found.innerText()).toMatch(/person/);
  await page.getByRole('slider', { name: /^Least score/ }).fill('0.95');
  await expect.poll(async () => ((await found.count()) ? found.innerText() : '')).toBe('');
});

describe('sources', () => {
  it('a file of the person plays over and over, and one from an address does', async () => {
    const clip = makeClip(workspace.at('clip.mp4'), { seconds: 2 });
    const { page } = await openOverlay();
    await choose(page, 'Source', 'video');
    await page.getByLabel('File', { exact: true }).setInputFiles(clip);
    await start(page);
    await looks(page);
    const { page: other } = await openOverlay();
    await choose(other, 'Source', 'video');
    await other.getByRole('textbox', { name: /address/ }).fill(`${pages.url}/files/clip.mp4`);
    await start(other);
    await looks(other);
  });

  it('an HLS address plays through hls.js', async () => {
    const clip = makeClip(workspace.at('hls.mp4'), { seconds: 6 });
    ffmpeg(['-i', clip, '-c', 'copy', '-hls_time', '2', '-hls_list_size', '0', workspace.at('live.m3u8')]);
    const { page } = await openOverlay();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(`${pages.url}/files/live.m3u8`);
    await start(page);
    await looks(page);
  });

  it('the screen is one', async () => {
    const { page } = await openOverlay();
    await choose(page, 'Source', 'screen');
    await start(page);
    await expect.poll(() => page.locator('.measures').innerText()).toMatch(/size\s+\d+×\d+/);
  });

  it('another one is taken while one runs', async () => {
    const { page, faults } = await openOverlay();
    await start(page);
    await looks(page);
    await choose(page, 'Source', 'camera');
    await start(page);
    await expect.poll(() => page.locator('.measures').innerText()).toContain('640×480');
    expect(faults).toEqual([]);
  });
});

it('an HLS stream whose network is gone for ten seconds goes on when it is back', async () => {
  const clip = makeClip(workspace.at('air.mp4'), { seconds: 60, args: [...H264, '-g', '30'] });
  ffmpeg(['-i', clip, '-c', 'copy', '-hls_time', '1', '-hls_list_size', '0', workspace.at('air.m3u8')]);
  const air = await MediaServer.start();
  try {
    const began = Date.now();
    let gone = false;
    air.answers((request, response) => {
      if (gone) return void request.socket.destroy();
      response.setHeader('access-control-allow-origin', '*');
      const name = request.url!.slice(1);
      if (name.endsWith('.ts')) return void response.end(readFileSync(workspace.at(name)));
      // What is on air now: the last four seconds.
      const last = Math.floor((Date.now() - began) / 1000) + 4;
      const segments = [0, 1, 2, 3].map((i) => `#EXTINF:1,\nair${last - 4 + i}.ts`);
      const head = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${last - 4}`;
      response.end(`${head}\n${segments.join('\n')}\n`);
    });
    const { page, faults } = await openOverlay();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(air.url('live.m3u8'));
    await start(page);
    await looks(page);
    gone = true;
    await expect.poll(() => page.getByRole('alert').allInnerTexts()).not.toEqual([]);
    expect(await alert(page)).toMatch(/Nothing comes from|sends nothing/);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    gone = false;
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    await page.evaluate(readCounters, { selector: 'video', frames: 20 });
    expect(faults).toEqual([]);
  } finally {
    await air.stop();
  }
});

it.each(['pipeline', 'processor'])('the example that is copied runs: %s', async (name) => {
  const { page, faults } = await openOverlay();
  await page.goto(`${pages.url}/examples/${name}/`);
  await page.getByRole('button', { name: 'Camera' }).click();
  await expect.poll(() => page.locator('#found').innerText()).toMatch(/\d+ found|\d+ fps/);
  await page.evaluate(readCounters, { selector: 'video', frames: 5 });
  expect(faults).toEqual([]);
});

describe('what goes wrong is said in the page, which goes on', () => {
  it('no camera', async () => {
    const { page } = await openOverlay((page) => refuse(page, 'NotFoundError'));
    await choose(page, 'Source', 'camera');
    await start(page);
    expect(await alert(page)).toContain('There is no camera that the browser can find.');
    await choose(page, 'Source', 'street');
    await start(page);
    await looks(page);
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it.each([
    ['NotAllowedError', 'was not allowed to use the camera'],
    ['NotReadableError', 'another program may have it'],
  ])('a camera that is refused with %s', async (name, sentence) => {
    const { page } = await openOverlay((page) => refuse(page, name));
    await choose(page, 'Source', 'camera');
    await start(page);
    expect(await alert(page)).toContain(sentence);
  });

  it('a camera that is unplugged goes on when it is back', async () => {
    const { page } = await openOverlay();
    await page.evaluate(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        const stream = await ask(constraints);
        Object.assign(window, { camera: stream.getVideoTracks()[0] });
        return stream;
      };
    });
    await choose(page, 'Source', 'camera');
    await start(page);
    await looks(page);
    await page.evaluate(() => {
      const { camera } = window as unknown as { camera: MediaStreamTrack };
      camera.stop();
      camera.dispatchEvent(new Event('ended'));
    });
    expect(await alert(page)).toContain('is gone: it was unplugged');
    await shoot(page, 'overlay-unplugged');
    await page.evaluate(() => navigator.mediaDevices.dispatchEvent(new Event('devicechange')));
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    const numbers = await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    expect(new Set(numbers).size).toBeGreaterThan(5);
  });

  it.each([
    ['video', 'nowhere.mp4', /answers 404/],
    ['video', 'text.mp4', /nothing that this browser can play/],
    ['hls', 'nowhere.m3u8', /answers 404/],
    ['hls', 'text.m3u8', /nothing that this browser can play/],
    ['whep', 'text.m3u8', /answers 404/],
  ])('an address of kind %s that is no stream: %s', async (kind, name, sentence) => {
    await writeFile(workspace.at('text.mp4'), 'this is a text');
    await writeFile(workspace.at('text.m3u8'), 'this is a text');
    const { page } = await openOverlay();
    await choose(page, 'Source', kind);
    await page.getByRole('textbox', { name: /address/i }).fill(`${pages.url}/files/${name}`);
    await start(page);
    expect(await alert(page)).toMatch(sentence);
  });

  it.each(['video', 'hls', 'whep'])(
    'a %s address that takes connections and says nothing is given up',
    async (kind) => {
      const silent = await MediaServer.start();
      silent.answers(() => {});
      try {
        const { page } = await openOverlay();
        await choose(page, 'Source', kind);
        await page.getByRole('textbox', { name: /address/i }).fill(silent.url('live'));
        await start(page);
        expect(await alert(page)).toMatch(/within 1\d s|nothing that this browser can play|can read nothing/);
        expect(await page.getByRole('button', { name: 'Start' }).isEnabled()).toBe(true);
      } finally {
        await silent.stop();
      }
    },
  );

  it('an address that is none, and one where nobody answers', async () => {
    const { page } = await openOverlay();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /address/i }).fill('http://127.0.0.1:1/live.m3u8');
    await start(page);
    expect(await alert(page)).toMatch(/nothing from 127\.0\.0\.1:1: it does not answer/);
  });

  it.each(['video', 'hls', 'whep'])(
    'a %s address of another origin without CORS, and what to set',
    async (kind) => {
      const other = await MediaServer.start();
      try {
        other.answers((_request, response) => void response.end('#EXTM3U'));
        const { page } = await openOverlay();
        await choose(page, 'Source', kind);
        await page.getByRole('textbox', { name: /address/i }).fill(other.url('live'));
        await start(page);
        const words = await alert(page);
        expect(words).toContain('does not let other pages read it (CORS)');
        expect(words).toContain(`Access-Control-Allow-Origin: ${pages.url}`);
      } finally {
        await other.stop();
      }
    },
  );

  it('a page over plain http has no camera, and says why', async () => {
    const insecure = await openBrowser([
      ...cameraArgs(null),
      '--host-resolver-rules=MAP edge.test 127.0.0.1',
    ]);
    try {
      const page = await insecure.newPage();
      await page.goto(`${pages.url.replace('localhost', 'edge.test')}/overlay/`);
      await choose(page, 'Source', 'camera');
      await start(page);
      expect(await alert(page)).toMatch(/no secure context.*getUserMedia/s);
      expect(await alert(page)).toContain('Open it over https');
      // What that sentence says still works does.
      await choose(page, 'Source', 'street');
      await start(page);
      await looks(page);
    } finally {
      await insecure.close();
    }
  });

  it('a browser without WebCodecs: which part is missing, and what still works', async () => {
    const { page } = await openOverlay((page) =>
      page.addInitScript(() => Object.assign(globalThis, { VideoFrame: undefined })),
    );
    await choose(page, 'Source', 'camera');
    await start(page);
    expect(await alert(page)).toMatch(/no WebCodecs.*shown as it is/s);
    const numbers = await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    expect(new Set(numbers).size).toBeGreaterThan(5);
  });

  it('a browser without WebGPU that is asked for it', async () => {
    const { page } = await openOverlay();
    await choose(page, 'Backend', 'webgpu');
    await start(page);
    expect(await alert(page)).toContain('no WebGPU adapter');
    // The picture is there all the same.
    await expect.poll(() => page.locator('.measures').innerText()).toContain('640×360');
    await choose(page, 'Backend', 'cpu');
    await looks(page);
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

const refuse = (page: Page, name: string) =>
  page.addInitScript((name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('as the test says', name));
  }, name);
