import { describe, expect, it } from 'vitest';
import { LEAST_SEGMENT_SECONDS, MOST_SEGMENTS } from '../../../protocol/index.ts';
import { type Clip, cutSegments } from './cut.ts';

const FRAME = 40_000;

/** Times of frames, and of a keyframe every so many of them. */
function clip(frames: number, keyEvery: number, first = 0) {
  const shown = Array.from({ length: frames }, (_, i) => first + i * FRAME);
  return { shown, keys: shown.filter((_, i) => i % keyEvery === 0), firstFrame: 0, fps: 25 };
}

const cutAt = (clip: Clip, seconds: number, memory = (_frame: number) => 0) =>
  cutSegments(clip, { seconds, memory });

function check({ shown }: { shown: number[] }, { segments }: ReturnType<typeof cutSegments>) {
  expect(segments.map(({ ordinal }) => ordinal)).toEqual(segments.map((_, i) => i));
  let next = 0;
  for (const { firstFrame, frames, firstTime, lastTime } of segments) {
    expect(firstFrame).toBe(next);
    expect([firstTime, lastTime]).toEqual([shown[firstFrame], shown[firstFrame + frames - 1]]);
    next += frames;
  }
  expect(next).toBe(shown.length);
}

describe('cutting a source into segments', () => {
  it('cuts at the keyframes nearest to an even division, and leaves no frame out', () => {
    const given = clip(1_500, 25);
    const cut = cutAt(given, 10);
    check(given, cut);
    expect(cut.segments.map(({ firstTime }) => firstTime / 1e6)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(cut.whole).toBeNull();
  });

  it('takes frames in the order in which they are shown, whatever that of decoding was', () => {
    const given = clip(1_000, 50, 80_000);
    const decoded = given.shown.toSorted((a, b) => (a % 7) - (b % 7));
    const cut = cutAt({ ...given, shown: decoded, keys: given.keys.toReversed() }, 10);
    check(given, cut);
    expect(cut.segments).toHaveLength(4);
  });

  it('never cuts below the least, at the end neither', () => {
    const given = clip(51 * 25, 1);
    for (const seconds of [0.1, 1, 2, 3, 7, 24.9]) {
      const cut = cutAt(given, seconds);
      check(given, cut);
      for (const { firstTime, lastTime } of cut.segments)
        expect(lastTime + FRAME - firstTime).toBeGreaterThanOrEqual(LEAST_SEGMENT_SECONDS * 1e6);
    }
  });

  it('makes longer ones of keyframes that lie far apart', () => {
    const given = clip(3_000, 625);
    const cut = cutAt(given, 10);
    check(given, cut);
    expect(cut.segments.map(({ frames }) => frames)).toEqual([625, 625, 625, 625, 500]);
  });

  it.each([
    ['it is short', clip(300, 25)],
    ['it has one keyframe in all, and can only be decoded from its start', clip(3_000, 3_000)],
    ['its keyframes do not lie where it could be cut', clip(1_000, 990)],
  ])('says why there is one: %s', (why, given) => {
    const cut = cutAt(given, 10);
    check(given, cut);
    expect(cut).toMatchObject({ segments: [{ frames: given.shown.length }], whole: why });
  });

  it('makes fewer and longer ones where there would be too many', () => {
    const given = clip(200_000, 50);
    const cut = cutAt(given, 2);
    check(given, cut);
    expect(cut.segments).toHaveLength(MOST_SEGMENTS);
  });

  it('begins warming up at the keyframe before all that is remembered', () => {
    const given = { ...clip(1_000, 50), firstFrame: 7 };
    const cut = cutAt(given, 10, (frame) => (frame === 257 ? 0 : frame % 100));
    expect(
      cut.segments.map(({ firstFrame, warmUp }) => [firstFrame, warmUp.frame, warmUp.time / FRAME]),
    ).toEqual([
      [7, 7, 0],
      [257, 257, 250],
      // 507 remembers 7 frames: they lie behind the keyframe at 457.
      [507, 457, 450],
      [757, 657, 650],
    ]);
  });
});
