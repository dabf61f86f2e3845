import { describe, expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

/** Works at frames of so many milliseconds, by a clock whose timers are late by so many. */
async function work({ share, frameMs, lateMs = 0 }: { share: number; frameMs: number; lateMs?: number }) {
  let now = 1000;
  let rested = 0;
  const throttle = new Throttle(
    () => now,
    async (ms) => {
      now += ms + lateMs;
      rested += ms + lateMs;
    },
  );
  throttle.share = share;
  const frames = Math.ceil(10_000 / frameMs);
  for (let i = 0; i < frames; i++) {
    await throttle.admit();
    now += frameMs;
  }
  expect(throttle.spent?.rested ?? 0).toBeCloseTo(rested / 1000, 6);
  return (frames * frameMs) / (frames * frameMs + rested);
}

describe('a throttle', () => {
  it.each([
    { share: 0.5, frameMs: 30 },
    { share: 0.25, frameMs: 4 },
    { share: 0.8, frameMs: 60 },
    { share: 0.1, frameMs: 500 },
    { share: 0.5, frameMs: 10, lateMs: 4 },
  ])('leaves a share of $share of the time to work, with frames of $frameMs ms', async (given) => {
    expect(await work(given)).toBeCloseTo(given.share, 1);
  });

  it('does not rest where all of the time is given, nor before the first frame', async () => {
    expect(await work({ share: 1, frameMs: 30 })).toBe(1);
    const throttle = new Throttle();
    throttle.share = 0.05;
    expect(await throttle.admit()).toBe(0);
  });

  it('rests no longer for a frame that waited for the network', async () => {
    let now = 0;
    const rests: number[] = [];
    const throttle = new Throttle(
      () => now,
      async (ms) => {
        rests.push(ms);
        now += ms;
      },
    );
    throttle.share = 0.5;
    await throttle.admit();
    now += 600_000;
    await throttle.admit();
    expect(rests).toEqual([5_000]);
  });
});
