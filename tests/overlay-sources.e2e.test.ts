import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import { describe, expect, it } from 'vitest';
import { H264, makeClip } from './support/clips.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { MediaServer } from './support/media-server.ts';
import { alert, alerts, choose, looks, measures, OverlayPages, show, start } from './support/overlay-page.ts';
import { readCounters } from './support/y4m.ts';

const all = OverlayPages.use();

/** A stream of that name with segments of so many seconds, which is over: `NAME.m3u8` and `NAME0.ts`, … */
function makeHls(name: string, seconds: number, segment: number): void {
  const clip = makeClip(all.workspace.at(`${name}.mp4`), {
    seconds,
    args: [...H264, '-g', `${30 * segment}`],
  });
  const cut = ['-c', 'copy', '-hls_time', `${segment}`, '-hls_list_size', '0'];
  ffmpeg(['-i', clip, ...cut, all.workspace.at(`${name}.m3u8`)]);
}

/** Puts a stream with segments of a second on air: the last four. @param other what a segment is instead; null for itself. */
function onAir(
  server: MediaServer,
  name: string,
  other: (segment: number) => Buffer | null,
  isGone = () => false,
): void {
  const began = Date.now();
  server.answers((request, response) => {
    if (isGone()) return void request.socket.destroy();
    response.setHeader('access-control-allow-origin', '*');
    const segment = /(\d+)\.ts$/.exec(request.url!);
    if (segment) {
      const path = all.workspace.at(request.url!.slice(1));
      if (!existsSync(path)) return void response.writeHead(404).end();
      return void response.end(other(Number(segment[1])) ?? readFileSync(path));
    }
    const last = Math.floor((Date.now() - began) / 1000) + 4;
    const segments = [0, 1, 2, 3].map((i) => `#EXTINF:1,\n${name}${last - 4 + i}.ts`);
    const head = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${last - 4}`;
    response.end(`${head}\n${segments.join('\n')}\n`);
  });
}

describe('sources', () => {
  it('a file of the person plays over and over, and one from an address does', async () => {
    const clip = makeClip(all.workspace.at('clip.mp4'), { seconds: 2 });
    const { page } = await all.open();
    await choose(page, 'Source', 'video');
    await page.getByLabel('File', { exact: true }).setInputFiles(clip);
    await start(page);
    await looks(page);
    const { page: other } = await all.open();
    await choose(other, 'Source', 'video');
    await other.getByRole('textbox', { name: /address/ }).fill(all.file('clip.mp4'));
    await start(other);
    await looks(other);
  });

  it('an HLS address plays through hls.js', async () => {
    makeHls('live', 6, 2);
    const { page } = await all.open();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(all.file('live.m3u8'));
    await start(page);
    await looks(page);
  });

  it('an HLS stream that has ended plays over and over', async () => {
    makeHls('over', 3, 1);
    const { page, faults } = await all.open();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(all.file('over.m3u8'));
    await show(page, 'Nothing');
    await start(page);
    // More than twice as many as it has.
    await page.evaluate(readCounters, { selector: 'video', frames: 200 });
    expect(await alerts(page)).toBe(0);
    expect(faults).toEqual([]);
  });

  it('the screen is one', async () => {
    const { page } = await all.open();
    await choose(page, 'Source', 'screen');
    await start(page);
    await expect.poll(() => measures(page)).toMatch(/size\s+\d+×\d+/);
  });

  it('another one is taken while one runs', async () => {
    const { page, faults } = await all.open();
    await start(page);
    await looks(page);
    await choose(page, 'Source', 'camera');
    await start(page);
    await expect.poll(() => measures(page)).toContain('640×480');
    expect(faults).toEqual([]);
  });
});

describe('what of an HLS stream cannot be decoded', () => {
  /** Of ten bits: no browser that plays HLS decodes it. */
  function deepSegment(): string {
    const clip = makeClip(all.workspace.at('deep.mp4'), { seconds: 1 });
    const deep = all.workspace.at('deep.ts');
    ffmpeg(['-i', clip, '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-f', 'mpegts', '-y', deep]);
    return deep;
  }

  it('is gone past where it is live', async () => {
    makeHls('torn', 60, 1);
    const deep = deepSegment();
    const air = await MediaServer.start();
    try {
      onAir(air, 'torn', (segment) => (segment === 8 ? readFileSync(deep) : null));
      const { page, faults } = await all.open();
      await choose(page, 'Source', 'hls');
      await page.getByRole('textbox', { name: /Address/ }).fill(air.url('torn.m3u8'));
      await show(page, 'Nothing');
      await start(page);
      // It is eight seconds away, and may take as long to be past.
      await page.evaluate(readCounters, { selector: 'video', frames: 400 });
      await expect.poll(() => alerts(page)).toBe(0);
      await page.evaluate(readCounters, { selector: 'video', frames: 60 });
      expect(await alerts(page)).toBe(0);
      expect(faults).toEqual([]);
    } finally {
      await air.stop();
    }
  });

  it('is said where nothing else comes, and another source can be taken', async () => {
    makeHls('over', 6, 1);
    copyFileSync(deepSegment(), all.workspace.at('over2.ts'));
    const { page, faults } = await all.open();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(all.file('over.m3u8'));
    await start(page);
    await page.getByRole('alert').getByText('cannot be decoded').waitFor();
    await choose(page, 'Source', 'street');
    await start(page);
    await looks(page);
    await expect.poll(() => alerts(page)).toBe(0);
    expect(faults).toEqual([]);
  });
});

it('an HLS stream that ends while it is watched says so', async () => {
  makeHls('show', 6, 1);
  const air = await MediaServer.start();
  try {
    let over = false;
    air.answers((request, response) => {
      response.setHeader('access-control-allow-origin', '*');
      const text = readFileSync(all.workspace.at(request.url!.slice(1)));
      const isList = request.url!.endsWith('.m3u8');
      response.end(isList && !over ? `${text}`.replace('#EXT-X-ENDLIST', '') : text);
    });
    const { page } = await all.open();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(air.url('show.m3u8'));
    await show(page, 'Nothing');
    await start(page);
    await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    over = true;
    await page.getByRole('alert').getByText('The stream has ended.').waitFor();
  } finally {
    await air.stop();
  }
});

it('an HLS stream whose network is gone for ten seconds goes on when it is back', async () => {
  makeHls('air', 60, 1);
  const air = await MediaServer.start();
  try {
    let gone = false;
    onAir(
      air,
      'air',
      () => null,
      () => gone,
    );
    const { page, faults } = await all.open();
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /Address/ }).fill(air.url('live.m3u8'));
    await start(page);
    await looks(page);
    gone = true;
    await expect.poll(() => page.getByRole('alert').allInnerTexts()).not.toEqual([]);
    expect(await alert(page)).toMatch(/Nothing comes from|sends nothing/);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    gone = false;
    await expect.poll(() => alerts(page)).toBe(0);
    await page.evaluate(readCounters, { selector: 'video', frames: 20 });
    expect(faults).toEqual([]);
  } finally {
    await air.stop();
  }
});

/** Camera tracks that the page was given, in order, as they are now. */
const cameras = (page: Page) =>
  page.evaluate(() =>
    (window as unknown as { cameras: MediaStreamTrack[] }).cameras.map(({ readyState }) => readyState),
  );

/** A camera that takes its time: the first one is given when the page says so. */
const slowCamera = (page: Page) =>
  page.addInitScript(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const cameras: MediaStreamTrack[] = [];
    let give = () => {};
    const given = new Promise<void>((resolve) => {
      give = resolve;
    });
    Object.assign(window, { cameras, give });
    let asked = 0;
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      if (asked++ === 0) await given;
      const stream = await ask(constraints);
      cameras.push(stream.getVideoTracks()[0]!);
      return stream;
    };
  });
const giveCamera = (page: Page) => page.evaluate(() => (window as unknown as { give(): void }).give());

it('a backend that is chosen while a source opens is the one that is used', async () => {
  const { page, faults } = await all.open(slowCamera);
  await choose(page, 'Source', 'camera');
  await start(page);
  await page.getByText('Opening…').waitFor();
  await choose(page, 'Backend', 'cpu');
  await expect.poll(() => measures(page)).toMatch(/backend\s+cpu asked for/);
  await giveCamera(page);
  // What opens late is let go.
  await expect.poll(() => cameras(page)).toEqual(['live', 'ended']);
  await page.evaluate(readCounters, { selector: 'video', frames: 10 });
  // One engine, and what it infers with.
  await expect.poll(() => page.workers().filter((one) => /live-worker/.test(one.url())).length).toBe(1);
  expect(faults).toEqual([]);
});

it('what is stopped while another source opens stays stopped', async () => {
  const { page, faults } = await all.open(slowCamera);
  await start(page);
  await looks(page);
  await choose(page, 'Source', 'camera');
  await start(page);
  await page.getByText('Opening…').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Choose a source.').waitFor();
  await giveCamera(page);
  await expect.poll(() => cameras(page)).toEqual(['ended']);
  await page.getByText('Choose a source.').waitFor();
  await expect.poll(() => page.workers()).toEqual([]);
  expect(faults).toEqual([]);
});

it('zones keep their place on a source of another size', async () => {
  const { page } = await all.open();
  await start(page);
  await looks(page);
  await page.getByText('As JSON').click();
  const json = page.getByLabel('Zones as JSON');
  await json.fill('[{"name":"left","polygon":[[0,0],[320,0],[320,360],[0,360]]}]');
  await json.blur();
  await page.getByText('left', { exact: true }).waitFor();
  await choose(page, 'Source', 'camera');
  await start(page);
  await page.getByText('The zones were fitted to the new picture').waitFor();
  expect(JSON.parse(await json.inputValue())).toEqual([
    {
      name: 'left',
      polygon: [
        [0, 0],
        [320, 0],
        [320, 480],
        [0, 480],
      ],
    },
  ]);
});
