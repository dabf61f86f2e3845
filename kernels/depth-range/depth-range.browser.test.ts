import { expect, it } from 'vitest';
import { pick, seeded, whole } from '../testing.ts';
import { onDevice, runAndRead, storageBuffer } from '../testing-gpu.ts';
import {
  cropDepth,
  type DepthMap,
  type DepthRange,
  depthPercentilesCpu,
  depthSharesCpu,
  smoothRange,
} from './depth-range.cpu.ts';
import { DepthRangeGpu, readDepthRange } from './depth-range.gpu.ts';

it('the GPU finds the percentiles, the shown range and the shares of its CPU twin, frame after frame', () =>
  onDevice(async (device) => {
    const random = seeded(32);
    for (const larger of ['nearer', 'farther'] as const) {
      const [width, height] = [whole(random, 20, 90), whole(random, 20, 90)];
      const kernel = new DepthRangeGpu(device, { width, height, larger, step: 0.3 });
      const left = whole(random, 0, 9);
      const top = whole(random, 0, 9);
      const rect = { left, top, width: width - left - whole(random, 0, 5), height: height - top - 3 };
      const shares = storageBuffer(device, 4 * width * height);
      let range: DepthRange | null = null;
      // The last is another scene.
      for (const offset of [5, 5.5, 6, -800]) {
        const map = noiseMap(random, width, height, offset);
        const buffer = storageBuffer(device, map.values);
        const part = cropDepth(map, rect);
        const expected = depthPercentilesCpu(part)!;
        range = smoothRange(range, expected, 0.3);

        const bytes = await runAndRead(device, kernel.output, (encoder) =>
          kernel.encode(encoder, buffer, rect, shares),
        );
        expect(readDepthRange(bytes)).toEqual(expected);
        const [low, high] = new Float32Array(bytes, 20, 2);
        expect(low).toBeCloseTo(range.low, 3);
        expect(high).toBeCloseTo(range.high, 3);
        const found = new Float32Array(await runAndRead(device, shares, () => {}));
        const wanted = depthSharesCpu(part, range, larger);
        const worst = wanted.reduce((most, share, i) => Math.max(most, Math.abs(share - found[i]!)), 0);
        expect(worst).toBeLessThan(1e-4);
        buffer.destroy();
      }
      kernel.destroy();
    }
  }));

it('a map without one number has no percentiles, and nothing of it is near', () =>
  onDevice(async (device) => {
    const kernel = new DepthRangeGpu(device, { width: 4, height: 2, larger: 'nearer', step: 1 });
    const map = storageBuffer(device, new Float32Array(8).fill(Number.NaN));
    const shares = storageBuffer(device, 32);
    const rect = { left: 0, top: 0, width: 4, height: 2 };
    const bytes = await runAndRead(device, kernel.output, (encoder) =>
      kernel.encode(encoder, map, rect, shares),
    );
    expect(readDepthRange(bytes)).toBeNull();
    expect([...new Float32Array(await runAndRead(device, shares, () => {}))]).toEqual(new Array(8).fill(0));
    kernel.destroy();
  }));

/** Values around an offset, with outliers a thousand times as large and some that are no numbers. */
function noiseMap(random: () => number, width: number, height: number, offset: number): DepthMap {
  const values = Float32Array.from({ length: width * height }, () => {
    if (random() < 0.01)
      return pick(random, [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    return offset + (random() < 0.01 ? 1000 : 1) * (random() + random());
  });
  return { values, width, height };
}
