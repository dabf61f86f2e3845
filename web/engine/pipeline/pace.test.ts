import { expect, it } from 'vitest';
import { Pace } from './pace.ts';

const FRAME = 0.05;

it('frames come when they are due, and latency counts from then', async () => {
  const pace = new Pace();
  const began = performance.now();
  for (const index of [0, 1, 2]) {
    expect(await pace.admits(index * FRAME, FRAME)).toBe(true);
    expect(performance.now() - began).toBeGreaterThanOrEqual(index * FRAME * 1000 - 2);
    pace.delivered(index * FRAME);
  }
  const { dropped, latency } = pace.report();
  expect(dropped).toBe(0);
  expect(latency.count).toBe(3);
  expect(latency.max).toBeLessThan(FRAME * 1000);
});

it('a frame whose successor is due already is dropped', async () => {
  const pace = new Pace();
  expect(await pace.admits(10, FRAME)).toBe(true);
  const busyUntil = performance.now() + 2.5 * FRAME * 1000;
  while (performance.now() < busyUntil);
  const admitted: boolean[] = [];
  for (const index of [1, 2, 3]) admitted.push(await pace.admits(10 + index * FRAME, FRAME));
  expect(admitted).toEqual([false, true, true]);
  expect(pace.report().dropped).toBe(1);
});
