import { describe, expect, it } from 'vitest';
import { UPRIGHT } from '../picture.ts';
import { pick, seeded, whole } from '../testing.ts';
import {
  cropDepth,
  type DepthMap,
  depthPercentilesCpu,
  depthRect,
  depthSharesCpu,
  smoothRange,
} from './depth-range.cpu.ts';

const mapOf = (values: number[], width = values.length): DepthMap => ({
  values: Float32Array.from(values),
  width,
  height: values.length / width,
});

describe('percentiles', () => {
  it('are those of the sorted values, whatever these are', () => {
    const random = seeded(31);
    for (let round = 0; round < 200; round++) {
      const scale = pick(random, [1, 1e-30, 1e30, 5]);
      const values = Array.from({ length: whole(random, 1, 500) }, () =>
        random() < 0.1 ? pick(random, [0, -0, 1e38, -1e38, 1e-45]) : (random() - 0.4) * scale,
      );
      const sorted = Float32Array.from(values).sort();
      const at = (percent: number) => sorted[Math.floor(((sorted.length - 1) * percent) / 100)]!;
      const found = depthPercentilesCpu(mapOf(values))!;
      const expected = { min: at(0), p2: at(2), p50: at(50), p98: at(98), max: at(100) };
      // Zeros of both signs are one number.
      for (const key of ['min', 'p2', 'p50', 'p98', 'max'] as const)
        expect(found[key] + 0).toBe(expected[key] + 0);
    }
  });

  it('leave out what is no number, and there are none of nothing', () => {
    expect(depthPercentilesCpu(mapOf([Number.NaN, 3, Number.POSITIVE_INFINITY, 1, 2]))).toMatchObject({
      min: 1,
      p50: 2,
      max: 3,
    });
    expect(depthPercentilesCpu(mapOf([Number.NaN]))).toBeNull();
  });
});

it('the part of a map that shows the picture is the letterbox without its border', () => {
  const spec = {
    width: 320,
    height: 192,
    placement: 'center' as const,
    pad: 114,
    order: 'rgb' as const,
    mean: [0, 0, 0] as [number, number, number],
    scale: [1, 1, 1] as [number, number, number],
  };
  const view = { displayWidth: 960, displayHeight: 540, orientation: UPRIGHT };
  const rect = depthRect(view, spec, { width: 160, height: 96 });
  expect(rect).toEqual({ left: 0, top: 3, width: 160, height: 90 });
  const values = Array.from({ length: 160 * 96 }, (_, i) => Math.floor(i / 160));
  const part = cropDepth(mapOf(values, 160), rect);
  expect([part.width, part.height, part.values[0], part.values.at(-1)]).toEqual([160, 90, 3, 92]);
  // A picture a thousand times as wide as high still has a row.
  expect(
    depthRect({ ...view, displayWidth: 96000, displayHeight: 20 }, spec, { width: 160, height: 96 }).height,
  ).toBe(1);
});

describe('the shown range', () => {
  const found = { min: 0, p2: 1, p50: 5, p98: 9, max: 10 };

  it('is the first frame’s own, then goes part of the way to each new one', () => {
    const first = smoothRange(null, found, 0.25);
    expect(first).toEqual({ low: 1, high: 9 });
    expect(smoothRange(first, { ...found, p2: 3, p98: 13 }, 0.25)).toEqual({ low: 1.5, high: 10 });
  });

  it('jumps where another scene begins', () => {
    expect(smoothRange({ low: 1, high: 9 }, { ...found, p2: 100, p98: 200 }, 0.25)).toEqual({
      low: 100,
      high: 200,
    });
  });
});

it('shares are 1 where it is nearest, whichever way the values grow', () => {
  const map = mapOf([0, 1, 5, 9, 10, Number.NaN]);
  expect([...depthSharesCpu(map, { low: 1, high: 9 }, 'nearer')]).toEqual([0, 0, 0.5, 1, 1, 0]);
  expect([...depthSharesCpu(map, { low: 1, high: 9 }, 'farther')]).toEqual([1, 1, 0.5, 0, 0, 0]);
  // One flat wall is in the middle.
  expect([...depthSharesCpu(mapOf([4, 4]), { low: 4, high: 4 }, 'nearer')]).toEqual([0.5, 0.5]);
});
