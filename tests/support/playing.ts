import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright';
import { expect } from 'vitest';
import { MediaServer, ranged } from './media-server.ts';

/** A browser's own player plays the file from its start to its end, every frame of it decoded, and seeks in it. */
export async function expectPlays(browser: Browser, path: string, frames: number): Promise<void> {
  const server = await MediaServer.start();
  const context = await browser.newContext();
  try {
    server.answers(ranged(readFileSync(path)));
    const page = await context.newPage();
    await page.goto(server.url('page'), { waitUntil: 'commit' }).catch(() => {});
    const played = await page.evaluate(async (url) => {
      const video = document.createElement('video');
      video.muted = true;
      video.src = url;
      document.body.append(video);
      const heard = (name: string) =>
        new Promise<void>((resolve, reject) => {
          video.addEventListener(name, () => resolve(), { once: true });
          video.addEventListener('error', () => reject(new Error(video.error!.message)), { once: true });
        });
      const ended = heard('ended');
      video.playbackRate = 4;
      await video.play();
      await ended;
      const { totalVideoFrames } = video.getVideoPlaybackQuality();
      const sought = heard('seeked');
      video.currentTime = video.duration / 2;
      await sought;
      return { frames: totalVideoFrames, width: video.videoWidth };
    }, server.url());
    expect(played.width, path).toBeGreaterThan(0);
    // What comes too late for the screen is counted too.
    expect(played.frames, `${path}: frames that were decoded`).toBeGreaterThanOrEqual(frames * 0.98);
  } finally {
    await context.close();
    await server.stop();
  }
}
