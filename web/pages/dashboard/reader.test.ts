import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Reader } from './reader.ts';

const PAUSE_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A reader whose readings end when the test says so. */
function slow() {
  const open: (() => void)[] = [];
  let begun = 0;
  const reader = new Reader(() => {
    begun++;
    return new Promise((resolve) => open.push(resolve));
  }, PAUSE_MS);
  return { reader, begun: () => begun, end: () => open.shift()!() };
}

it('reads never twice at a time, and once more after the last of many changes', async () => {
  const { reader, begun, end } = slow();
  for (let i = 0; i < 10; i++) {
    reader.changed();
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
  }
  expect(begun()).toBe(1);
  end();
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect(begun()).toBe(2);
  end();
  await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
  expect(begun()).toBe(2);
  reader.changed();
  expect(begun()).toBe(3);
});

it('reads nothing more once it is stopped', async () => {
  const { reader, begun, end } = slow();
  reader.changed();
  reader.changed();
  reader.stop();
  end();
  await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
  expect(begun()).toBe(1);
});
