import { expect, it } from 'vitest';
import { rgbToSamples } from '../color.ts';
import { BT601, BT709, noisePicture, sampleAt, seeded } from '../testing.ts';
import { DepthColorCpu } from './depth-color.cpu.ts';
import { INFERNO, infernoAt } from './inferno.ts';

it.each([
  ['I420', BT709],
  ['NV12', BT601],
  ['I420P10', BT709],
  ['RGBA', BT709],
] as const)('a flat map in %s has one colour, that of its share', (format, color) => {
  for (const share of [0, 0.4, 1]) {
    const picture = noisePicture(seeded(3), format, 33, 17, color);
    new DepthColorCpu().draw(picture, { shares: new Float32Array(12).fill(share), width: 4, height: 3 }, 1);
    const [red, green, blue] = infernoAt(share);
    const m = rgbToSamples(picture.color, picture.bits);
    for (const plane of [0, 1, 2] as const) {
      const row = 4 * plane;
      const expected = m[row]! * red + m[row + 1]! * green + m[row + 2]! * blue + m[row + 3]!;
      for (const [x, y] of [
        [0, 0],
        [32, 16],
        [11, 9],
      ] as const)
        expect(Math.abs(sampleAt(picture, plane, x, y) - expected)).toBeLessThanOrEqual(
          picture.bits === 8 ? 1 : 4,
        );
    }
  }
});

it('near is bright, far is dark, and in between it grows steadily', () => {
  const luma = INFERNO.map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue);
  for (let i = 1; i < luma.length; i++) expect(luma[i]).toBeGreaterThan(luma[i - 1]!);
});

it('a map lies over the whole picture, its corners in the corners', () => {
  const picture = noisePicture(seeded(4), 'I420', 64, 48);
  new DepthColorCpu().draw(picture, { shares: Float32Array.of(0, 1, 1, 0), width: 2, height: 2 }, 1);
  const luma = (x: number, y: number) => sampleAt(picture, 0, x, y);
  expect(luma(0, 0)).toBeLessThan(20);
  expect(luma(63, 47)).toBeLessThan(20);
  expect(luma(63, 0)).toBeGreaterThan(200);
  expect(luma(0, 47)).toBeGreaterThan(200);
  expect(Math.abs(luma(31, 23) - luma(32, 24))).toBeLessThan(5);
});

it('half of it leaves half of the picture', () => {
  const picture = noisePicture(seeded(5), 'I420', 8, 8);
  for (const { data } of picture.planes) data.fill(100);
  const whole = noisePicture(seeded(5), 'I420', 8, 8);
  const depth = { shares: new Float32Array(4).fill(0.7), width: 2, height: 2 };
  new DepthColorCpu().draw(whole, depth, 1);
  new DepthColorCpu().draw(picture, depth, 0.5);
  for (const plane of [0, 1, 2] as const)
    expect(
      Math.abs(sampleAt(picture, plane, 4, 4) - (100 + sampleAt(whole, plane, 4, 4)) / 2),
    ).toBeLessThanOrEqual(1);
});
