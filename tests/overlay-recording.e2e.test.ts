import { expect, it } from 'vitest';
import { makeClip, VP9 } from './support/clips.ts';
import { frameNumbers } from './support/counter.ts';
import { audioStream, videoStream } from './support/ffprobe.ts';
import {
  alert,
  alerts,
  choose,
  FILM,
  measures,
  OverlayPages,
  show,
  start,
  steps,
} from './support/overlay-page.ts';

const all = OverlayPages.use();

it('records what is shown to an MP4 that others read, and takes a picture of it', async () => {
  const { page } = await all.open();
  await choose(page, 'Source', 'camera');
  await page.getByLabel('with its microphone').check();
  await show(page, 'Nothing');
  await start(page);
  await page.getByRole('button', { name: '● Record' }).click();
  await page.getByRole('button', { name: /Stop \(3 s\)/ }).click();
  const video = await all.download(page, /\.mp4/);
  await page.getByRole('button', { name: 'Snapshot' }).click();
  const picture = await all.download(page, /\.png/);
  expect(videoStream(video)).toMatchObject({ codec_name: 'h264', width: 640, height: 480 });
  expect(audioStream(video)).toMatchObject({ codec_name: 'opus' });
  const numbers = frameNumbers(video, FILM);
  expect(numbers.length).toBeGreaterThan(50);
  expect(Math.max(...steps(numbers))).toBeLessThan(10);
  expect(videoStream(picture)).toMatchObject({ codec_name: 'png', width: 640, height: 480 });
});

it('a recording ends with its picture, is there to be saved, and is cleared away when the page is gone', async () => {
  const { page, faults } = await all.open();
  await choose(page, 'Source', 'camera');
  await show(page, 'Nothing');
  await start(page);
  await page.getByRole('button', { name: '● Record' }).click();
  await page.getByRole('button', { name: /Stop \(2 s\)/ }).waitFor();
  // Another backend is another engine: the same picture opened anew.
  await choose(page, 'Backend', 'cpu');
  await page.getByText('The recording ended with its picture').waitFor();
  const first = await all.download(page, /\.mp4/);
  await page.getByRole('button', { name: '● Record' }).click();
  await page.getByRole('button', { name: /Stop \(2 s\)/ }).waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect.poll(() => page.getByRole('link', { name: /\.mp4/ }).count()).toBe(2);
  expect(await page.getByRole('button', { name: '● Record' }).isDisabled()).toBe(true);
  const second = await all.download(page, /\.mp4/);
  expect(second).not.toBe(first);
  for (const video of [first, second]) {
    const numbers = frameNumbers(video, FILM);
    expect(numbers.length).toBeGreaterThan(30);
    expect(steps(numbers).filter((step) => step === 1).length).toBeGreaterThan(20);
  }
  expect(await page.evaluate(recordings)).toHaveLength(2);
  await page.reload();
  await expect.poll(() => page.evaluate(recordings)).toEqual([]);
  expect(faults).toEqual([]);
});

it('a picture of an odd size is recorded too', async () => {
  const clip = makeClip(all.workspace.at('odd.webm'), { size: '321x181', args: VP9 });
  const { page } = await all.open();
  await choose(page, 'Source', 'video');
  await page.getByLabel('File', { exact: true }).setInputFiles(clip);
  await show(page, 'Nothing');
  await start(page);
  await expect.poll(() => measures(page)).toContain('321×181');
  await page.getByRole('button', { name: '● Record' }).click();
  await page.getByRole('button', { name: /Stop \(1 s\)/ }).click();
  const video = await all.download(page, /\.mp4/);
  expect(videoStream(video)).toMatchObject({ codec_name: 'h264', width: 320, height: 180 });
  expect(await alerts(page)).toBe(0);
});

it('a recording that breaks off is kept as far as it went, and the page says why it ended', async () => {
  const { page } = await all.open((page) =>
    page.addInitScript(() => {
      const encode = VideoEncoder.prototype.encode;
      let frames = 0;
      VideoEncoder.prototype.encode = function (...asked) {
        // More than two fragments, and as much as is written at once.
        if (frames++ > 150) throw new DOMException('out of everything', 'OperationError');
        return encode.apply(this, asked);
      };
    }),
  );
  await choose(page, 'Source', 'camera');
  await show(page, 'Nothing');
  await start(page);
  await page.getByRole('button', { name: '● Record' }).click();
  await expect.poll(() => alerts(page)).toBe(1);
  expect(await alert(page)).toContain('The recording broke off: out of everything');
  const video = await all.download(page, /\.mp4/);
  expect(videoStream(video)).toMatchObject({ codec_name: 'h264', width: 640, height: 480 });
  expect(frameNumbers(video, FILM).length).toBeGreaterThan(30);
  // The picture goes on.
  await expect.poll(() => measures(page)).toMatch(/shown\s+[1-9][\d.]* fps/);
});

/** Files that the page keeps in the browser. */
async function recordings(): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  return names;
}
