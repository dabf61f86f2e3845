import { writeFile } from 'node:fs/promises';
import type { Page } from 'playwright';
import { describe, expect, it } from 'vitest';
import { MediaServer } from './support/media-server.ts';
import { alert, alerts, choose, looks, measures, OverlayPages, start } from './support/overlay-page.ts';
import { openBrowser, shoot } from './support/pages.ts';
import { cameraArgs, readCounters } from './support/y4m.ts';

const all = OverlayPages.use();

describe('what goes wrong is said in the page, which goes on', () => {
  it('no camera', async () => {
    const { page } = await all.open((page) => refuse(page, 'NotFoundError'));
    await choose(page, 'Source', 'camera');
    await start(page);
    expect(await alert(page)).toContain('There is no camera that the browser can find.');
    await choose(page, 'Source', 'street');
    await start(page);
    await looks(page);
    expect(await alerts(page)).toBe(0);
  });

  it('a camera without a microphone that is asked for', async () => {
    const { page } = await all.open(async (page) => {
      await refuse(page, 'NotFoundError');
      await page.addInitScript(() => {
        const { mediaDevices } = navigator;
        const list = mediaDevices.enumerateDevices.bind(mediaDevices);
        mediaDevices.enumerateDevices = async () =>
          (await list()).filter(({ kind }) => kind !== 'audioinput');
      });
    });
    await choose(page, 'Source', 'camera');
    await page.getByLabel('with its microphone').check();
    await start(page);
    expect(await alert(page)).toContain('There is a camera, but no microphone');
  });

  it.each([
    ['NotAllowedError', 'was not allowed to use the camera'],
    ['NotReadableError', 'another program may have it'],
  ])('a camera that is refused with %s', async (name, sentence) => {
    const { page } = await all.open((page) => refuse(page, name));
    await choose(page, 'Source', 'camera');
    await start(page);
    expect(await alert(page)).toContain(sentence);
  });

  it('a camera that is unplugged goes on when it is back', async () => {
    const { page } = await all.open();
    await keepCameras(page);
    await choose(page, 'Source', 'camera');
    await start(page);
    await looks(page);
    await unplug(page);
    expect(await alert(page)).toContain('is gone: it was unplugged');
    await shoot(page, 'overlay-unplugged');
    await page.evaluate(() => navigator.mediaDevices.dispatchEvent(new Event('devicechange')));
    await expect.poll(() => alerts(page)).toBe(0);
    const numbers = await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    expect(new Set(numbers).size).toBeGreaterThan(5);
  });

  it('a source that is refused leaves the one that runs as it is, with what it has to say', async () => {
    const { page } = await all.open();
    await keepCameras(page);
    await choose(page, 'Source', 'camera');
    await start(page);
    await looks(page);
    await choose(page, 'Source', 'hls');
    await page.getByRole('textbox', { name: /address/i }).fill(all.file('nowhere.m3u8'));
    await start(page);
    expect(await alert(page)).toMatch(/answers 404/);
    await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    await unplug(page);
    await page.getByText('is gone: it was unplugged').first().waitFor();
    // One device that comes back tells of itself more than once.
    await page.evaluate(() => {
      for (let i = 0; i < 3; i++) navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    expect(await page.evaluate(() => (window as unknown as Cameras).cameras.length)).toBe(2);
  });

  it.each([
    ['video', 'nowhere.mp4', /answers 404/],
    ['video', 'text.mp4', /nothing that this browser can play/],
    ['hls', 'nowhere.m3u8', /answers 404/],
    ['hls', 'text.m3u8', /nothing that this browser can play/],
    ['whep', 'text.m3u8', /answers 404/],
  ])('an address of kind %s that is no stream: %s', async (kind, name, sentence) => {
    await writeFile(all.workspace.at('text.mp4'), 'this is a text');
    await writeFile(all.workspace.at('text.m3u8'), 'this is a text');
    const { page } = await all.open();
    await choose(page, 'Source', kind);
    await page.getByRole('textbox', { name: /address/i }).fill(all.file(name));
    await start(page);
    expect(await alert(page)).toMatch(sentence);
  });

  it.each(['video', 'hls', 'whep'])(
    'a %s address that takes connections and says nothing is given up',
    async (kind) => {
      const silent = await MediaServer.start();
      silent.answers(() => {});
      try {
        const { page } = await all.open();
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
    const { page } = await all.open();
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
        const { page } = await all.open();
        await choose(page, 'Source', kind);
        await page.getByRole('textbox', { name: /address/i }).fill(other.url('live'));
        await start(page);
        const words = await alert(page);
        expect(words).toContain('does not let other pages read it (CORS)');
        expect(words).toContain(`Access-Control-Allow-Origin: ${all.pages.url}`);
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
      await page.goto(`${all.pages.url.replace('localhost', 'edge.test')}/overlay/`);
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
    const { page } = await all.open((page) =>
      page.addInitScript(() => Object.assign(globalThis, { VideoFrame: undefined })),
    );
    await choose(page, 'Source', 'camera');
    await start(page);
    expect(await alert(page)).toMatch(/no WebCodecs.*shown as it is/s);
    const numbers = await page.evaluate(readCounters, { selector: 'video', frames: 10 });
    expect(new Set(numbers).size).toBeGreaterThan(5);
  });

  it('a model that cannot be had is refused, and the one before goes on', async () => {
    const { page } = await all.open();
    await start(page);
    await looks(page);
    await choose(page, 'Finds objects', 'yolox-s');
    await page.getByRole('alert').getByText('The model yolox-s cannot be had').waitFor();
    await expect.poll(() => page.getByRole('combobox', { name: /^Finds/ }).inputValue()).toBe('street-yolo');
    await expect.poll(() => measures(page)).toMatch(/backend\s+cpu/);
    await looks(page);
    expect(await page.getByLabel('van', { exact: true }).count()).toBe(1);
    await choose(page, 'Finds objects', 'street-yolo');
    await expect.poll(() => alerts(page)).toBe(0);
  });

  it('a browser without Web Audio: the picture comes without its sound', async () => {
    const { page, faults } = await all.open((page) =>
      page.addInitScript(() => Object.assign(globalThis, { AudioContext: undefined })),
    );
    await choose(page, 'Source', 'camera');
    await page.getByLabel('with its microphone').check();
    await start(page);
    await page.getByText(/no Web Audio.*without its sound/).waitFor();
    await looks(page);
    expect(faults).toEqual([]);
  });

  it('a browser without WebGPU that is asked for it', async () => {
    const { page } = await all.open();
    await choose(page, 'Backend', 'webgpu');
    await start(page);
    expect(await alert(page)).toContain('no WebGPU adapter');
    // The picture is there all the same.
    await expect.poll(() => measures(page)).toContain('640×360');
    await choose(page, 'Backend', 'cpu');
    await looks(page);
    expect(await alerts(page)).toBe(0);
  });
});

const refuse = (page: Page, name: string) =>
  page.addInitScript((name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('as the test says', name));
  }, name);

interface Cameras {
  cameras: MediaStreamTrack[];
}

/** Keeps the camera tracks that the page is given. */
const keepCameras = (page: Page) =>
  page.evaluate(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const cameras: MediaStreamTrack[] = [];
    Object.assign(window, { cameras });
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const stream = await ask(constraints);
      cameras.push(stream.getVideoTracks()[0]!);
      return stream;
    };
  });

/** As a browser does when the device is gone. */
const unplug = (page: Page) =>
  page.evaluate(() => {
    const camera = (window as unknown as Cameras).cameras.at(-1)!;
    camera.stop();
    camera.dispatchEvent(new Event('ended'));
  });
