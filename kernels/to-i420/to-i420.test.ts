import { describe, expect, it } from 'vitest';
import { rgbToSamples, samplesToRgb } from '../color.ts';
import { uprightSize } from '../geometry.ts';
import {
  type ColorSpec,
  type Orientation,
  type Picture,
  packedLayout,
  pictureOver,
  UPRIGHT,
} from '../picture.ts';
import {
  ALL_FORMATS,
  BT601,
  BT709,
  noisePicture,
  ORIENTATIONS,
  sampleAt,
  seeded,
  storedPosition,
  whole,
} from '../testing.ts';
import { toI420Cpu } from './to-i420.cpu.ts';

describe('any picture to I420 on the CPU', () => {
  it.each(ALL_FORMATS)('equals a naive reference in all orientations, odd sizes included: %s', (format) => {
    const random = seeded(format.length + format.charCodeAt(1));
    for (const orientation of ORIENTATIONS) {
      for (const [sourceColor, targetColor] of [
        [BT709, BT709],
        [BT601, BT709],
      ] as const) {
        const [width, height] = [whole(random, 3, 21), whole(random, 3, 21)];
        const source = noisePicture(random, format, width, height, sourceColor, 2);
        const target = emptyI420(source, orientation, targetColor);
        toI420Cpu(source, orientation, target);
        expect(worstAgainstNaive(source, orientation, target)).toBeLessThan(0.5001);
      }
    }
  });

  it('copies an upright 8-bit I420 picture as it is, whatever the strides', () => {
    const source = noisePicture(seeded(9), 'I420', 17, 9, BT709, 3);
    const target = emptyI420(source, UPRIGHT, BT709);
    toI420Cpu(source, UPRIGHT, target);
    for (const plane of [0, 1, 2] as const) {
      for (let y = 0; y < 9; y++) {
        for (let x = 0; x < 17; x++)
          expect(sampleAt(target, plane, x, y)).toBe(sampleAt(source, plane, x, y));
      }
    }
  });

  it('refuses a target of another size or format', () => {
    const source = noisePicture(seeded(1), 'I420', 8, 6);
    expect(() => toI420Cpu(source, { rotation: 90, flip: false }, emptyI420(source, UPRIGHT, BT709))).toThrow(
      RangeError,
    );
    expect(() => toI420Cpu(source, UPRIGHT, noisePicture(seeded(1), 'NV12', 8, 6))).toThrow(RangeError);
  });
});

function emptyI420(source: Picture, orientation: Orientation, color: ColorSpec): Picture {
  const { width, height } = uprightSize(source.width, source.height, orientation);
  return pictureOver(
    new ArrayBuffer(packedLayout('I420', width, height).byteLength),
    'I420',
    width,
    height,
    color,
  );
}

/** Greatest distance of a sample from its exact value: 0.5 is right rounding. */
function worstAgainstNaive(source: Picture, orientation: Orientation, target: Picture): number {
  const same =
    source.color.matrix === target.color.matrix && source.color.fullRange === target.color.fullRange;
  const toRgb = samplesToRgb(source.color, source.bits);
  const fromRgb = rgbToSamples(target.color, 8);
  const affine = (m: Float64Array, v: number[]) =>
    [0, 4, 8].map((r) => m[r]! * v[0]! + m[r + 1]! * v[1]! + m[r + 2]! * v[2]! + m[r + 3]!);
  const valueAt = (x: number, y: number): number[] => {
    const [sx, sy] = storedPosition(x, y, source.width, source.height, orientation);
    const samples = ([0, 1, 2] as const).map((plane) => sampleAt(source, plane, sx, sy));
    return same ? samples.map((s) => s / 2 ** (source.bits - 8)) : affine(fromRgb, affine(toRgb, samples));
  };
  let worst = 0;
  const compare = (found: number, exact: number) => {
    worst = Math.max(worst, Math.abs(found - Math.min(255, Math.max(0, exact))));
  };
  for (let y = 0; y < target.height; y++) {
    for (let x = 0; x < target.width; x++) compare(sampleAt(target, 0, x, y), valueAt(x, y)[0]!);
  }
  for (let y = 0; y < target.height; y += 2) {
    for (let x = 0; x < target.width; x += 2) {
      const covered = [0, 1, 2, 3].map((i) => [x + (i & 1), y + (i >> 1)] as const);
      const there = covered
        .filter(([px, py]) => px < target.width && py < target.height)
        .map(([px, py]) => valueAt(px, py));
      for (const plane of [1, 2] as const) {
        compare(sampleAt(target, plane, x, y), there.reduce((sum, v) => sum + v[plane]!, 0) / there.length);
      }
    }
  }
  return worst;
}
