import { describe, expect, it } from 'vitest';
import { samplesToRgb } from '../color.ts';
import { type LetterboxSpec, letterboxGeometry, modelToDisplay, type View } from '../geometry.ts';
import { type ColorSpec, type Picture, subsampled, UPRIGHT } from '../picture.ts';
import {
  ALL_FORMATS,
  noisePicture,
  ORIENTATIONS,
  pick,
  seeded,
  whole,
  worstDifference,
  YOLOX_SPEC,
} from '../testing.ts';
import { LetterboxCpu, letterboxCpu } from './letterbox.cpu.ts';

const COLORS: ColorSpec[] = (['bt601', 'bt709', 'bt2020'] as const).flatMap((matrix) =>
  [false, true].map((fullRange) => ({ matrix, fullRange })),
);

describe('letterbox on the CPU', () => {
  it.each(ALL_FORMATS)('equals a naive reference in all orientations: %s', (format) => {
    const random = seeded(format.length * 31 + format.charCodeAt(1));
    for (const orientation of ORIENTATIONS) {
      const width = whole(random, 5, 40);
      const height = whole(random, 5, 40);
      const picture = noisePicture(random, format, width, height, pick(random, COLORS), 4);
      const turned = orientation.rotation % 180 !== 0;
      const aspect = pick(random, [1, 1, 4 / 3]);
      const view: View = {
        displayWidth: Math.round((turned ? height : width) * aspect),
        displayHeight: turned ? width : height,
        orientation,
      };
      const spec: LetterboxSpec = {
        width: whole(random, 8, 48),
        height: whole(random, 8, 48),
        placement: pick(random, ['top-left', 'center'] as const),
        pad: 114,
        order: pick(random, ['rgb', 'bgr'] as const),
        mean: [123.675, 116.28, 103.53],
        scale: [1 / 58.395, 1 / 57.12, 1 / 57.375],
      };
      const out = new Float32Array(3 * spec.width * spec.height).fill(Number.NaN);
      letterboxCpu(picture, view, spec, out);
      expect(worstDifference(out, naive(picture, view, spec))).toBeLessThan(1e-5);
    }
  });

  it('keeps its tables right when size, view or layout change between frames', () => {
    const random = seeded(5);
    const kernel = new LetterboxCpu({ ...YOLOX_SPEC, width: 32, height: 32 });
    for (const format of ['I420', 'NV12', 'I420', 'RGBA']) {
      const picture = noisePicture(random, format, 24, 16);
      const view = { displayWidth: 24, displayHeight: 16, orientation: UPRIGHT };
      const out = new Float32Array(3 * 32 * 32);
      kernel.run(picture, view, out);
      expect(worstDifference(out, naive(picture, view, kernel.spec))).toBeLessThan(1e-3);
    }
  });

  it('refuses a tensor of another size', () => {
    const picture = noisePicture(seeded(1), 'I420', 8, 8);
    const view = { displayWidth: 8, displayHeight: 8, orientation: UPRIGHT };
    expect(() => letterboxCpu(picture, view, YOLOX_SPEC, new Float32Array(10))).toThrow(RangeError);
  });
});

describe('letterbox geometry', () => {
  it('truncates at the top left as YOLOX does and rounds in the middle as Ultralytics does', () => {
    const view = { displayWidth: 1280, displayHeight: 720, orientation: UPRIGHT };
    expect(letterboxGeometry(view, YOLOX_SPEC)).toEqual({
      ratio: 0.325,
      width: 416,
      height: 234,
      left: 0,
      top: 0,
    });
    const centred: LetterboxSpec = { ...YOLOX_SPEC, width: 640, height: 640, placement: 'center' };
    expect(letterboxGeometry({ ...view, displayWidth: 853, displayHeight: 479 }, centred)).toMatchObject({
      width: 640,
      height: 359,
      left: 0,
      top: 140,
    });
  });

  it('brings a box back to displayed pixels and cuts it at the edges', () => {
    const view = { displayWidth: 1280, displayHeight: 720, orientation: UPRIGHT };
    const geometry = letterboxGeometry(view, YOLOX_SPEC);
    const [x, y, width, height] = modelToDisplay([32.5, 65, 500, 130], geometry, view);
    expect([x, y, width, height].map((value) => Math.round(value))).toEqual([100, 200, 1180, 200]);
  });
});

/** One pixel at a time, in double precision, with the orientation applied as the words say: turned, then mirrored. */
function naive(picture: Picture, view: View, spec: LetterboxSpec): Float64Array {
  const geometry = letterboxGeometry(view, spec);
  const matrix = samplesToRgb(picture.color, picture.bits);
  const area = spec.width * spec.height;
  const out = new Float64Array(3 * area);
  for (let y = 0; y < spec.height; y++) {
    for (let x = 0; x < spec.width; x++) {
      const [u, v] = [(x - geometry.left + 0.5) / geometry.width, (y - geometry.top + 0.5) / geometry.height];
      const inside = u > 0 && u < 1 && v > 0 && v < 1;
      const rgb = inside ? rgbAt(picture, turnBack(u, v, view), matrix) : [spec.pad, spec.pad, spec.pad];
      if (spec.order === 'bgr') rgb.reverse();
      for (let c = 0; c < 3; c++) {
        out[c * area + y * spec.width + x] = (rgb[c]! - spec.mean[c]!) * spec.scale[c]!;
      }
    }
  }
  return out;
}

function turnBack(u: number, v: number, { orientation }: View): [number, number] {
  let [s, t] = [orientation.flip ? 1 - u : u, v];
  for (let turned: number = orientation.rotation; turned > 0; turned -= 90) [s, t] = [t, 1 - s];
  return [s, t];
}

function rgbAt(picture: Picture, [s, t]: [number, number], matrix: Float64Array): number[] {
  const samples = picture.planes.map((plane) => {
    const [w, h] = [subsampled(picture.width, plane.subX), subsampled(picture.height, plane.subY)];
    const x = clamp((s * picture.width) / (1 << plane.subX) - 0.5, w);
    const y = clamp((t * picture.height) / (1 << plane.subY) - 0.5, h);
    const at = (column: number, row: number) =>
      plane.data[plane.offset + Math.min(h - 1, row) * plane.stride + Math.min(w - 1, column) * plane.step]!;
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const [wx, wy] = [x - x0, y - y0];
    const above = at(x0, y0) * (1 - wx) + at(x0 + 1, y0) * wx;
    const below = at(x0, y0 + 1) * (1 - wx) + at(x0 + 1, y0 + 1) * wx;
    return above * (1 - wy) + below * wy;
  });
  return [0, 4, 8].map((row) => {
    const value =
      matrix[row]! * samples[0]! +
      matrix[row + 1]! * samples[1]! +
      matrix[row + 2]! * samples[2]! +
      matrix[row + 3]!;
    return Math.min(255, Math.max(0, value));
  });
}

const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
