import { expect, it } from 'vitest';
import { FrameClock } from './frame-clock.ts';

const FRAME = 33_333;

const ticked = (clock: FrameClock, timestamps: number[]) => timestamps.map((at) => clock.next(at));

it('counts frames, and how many a second there are', () => {
  const clock = new FrameClock();
  const ticks = ticked(
    clock,
    [0, 1, 2, 3, 4, 5].map((i) => 7_000_000 + i * FRAME),
  );
  expect(ticks.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(ticks[0]!.timestamp).toBe(7_000_000);
  expect(clock.fps).toBeCloseTo(30, 1);
  expect(clock.dropped).toBe(0);
});

it('frames that never came are counted, and have their place', () => {
  const clock = new FrameClock();
  ticked(
    clock,
    [0, 1, 2, 3, 4].map((i) => i * FRAME),
  );
  expect(clock.next(8 * FRAME).index).toBe(8);
  expect(clock.dropped).toBe(3);
});

it('time goes on where a source begins anew, goes back, or stood still for long', () => {
  const clock = new FrameClock();
  ticked(
    clock,
    [0, 1, 2, 3, 4].map((i) => 50_000_000 + i * FRAME),
  );
  const times = ticked(clock, [0, FRAME, 2 * FRAME, 60_000_000, 60_000_000]).map(
    ({ timestamp }) => timestamp,
  );
  const gaps = times.map((time, i) => time - (times[i - 1] ?? 50_000_000 + 4 * FRAME));
  expect(gaps).toEqual([FRAME, FRAME, FRAME, FRAME, FRAME]);
  expect(clock.dropped).toBe(0);
});
