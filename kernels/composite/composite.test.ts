import { describe, expect, it } from 'vitest';
import { type Affine, rgbToSamples } from '../color.ts';
import { type Picture, packedLayout, pictureOver, UPRIGHT } from '../picture.ts';
import {
  ALL_FORMATS,
  BT601,
  BT709,
  noisePicture,
  ORIENTATIONS,
  pick,
  sampleAt,
  seeded,
  storedPosition,
  whole,
} from '../testing.ts';
import { bitmapOf, randomBitmap, randomBitmapLayer } from '../testing-composite.ts';
import { toI420Cpu } from '../to-i420/to-i420.cpu.ts';
import { CompositeCpu } from './composite.cpu.ts';
import type { BitmapLayer, CompositeLayer, FrameLayer } from './layer.ts';

describe('layers on the CPU', () => {
  it.each(ALL_FORMATS)('equal a naive reference, on odd sizes and across every edge: %s', (format) => {
    const random = seeded(format.length * 17 + format.charCodeAt(1));
    for (let round = 0; round < 40; round++) {
      const color = pick(random, [BT709, BT601, { ...BT601, fullRange: true }]);
      const picture = noisePicture(random, format, whole(random, 1, 50), whole(random, 1, 30), color, 2);
      const layer = randomBitmapLayer(random, picture.width, picture.height);
      const before = copyOf(picture);
      new CompositeCpu().draw(picture, [layer]);
      expect(worstAgainstNaive(picture, before, layer)).toBeLessThan(roundedOnce(picture));
    }
  });

  it.each(ALL_FORMATS)(
    'show a frame as it is, turned and mirrored, where it keeps its size: %s',
    (format) => {
      const random = seeded(format.length * 19 + format.charCodeAt(1));
      for (const orientation of ORIENTATIONS) {
        const frame = noisePicture(random, 'RGBA', 13, 8);
        const turned = orientation.rotation % 180 !== 0;
        const [width, height] = turned ? [8, 13] : [13, 8];
        const shown = bitmapOf(width, height, (x, y) => {
          const [sx, sy] = storedPosition(x, y, 13, 8, orientation);
          const [red, green, blue] = ([0, 1, 2] as const).map((plane) => sampleAt(frame, plane, sx, sy));
          return [red!, green!, blue!, 255];
        });
        const view = { displayWidth: width, displayHeight: height, orientation };
        const place = {
          left: pick(random, [-3, 12]),
          top: pick(random, [-4, 9]),
          opacity: pick(random, [0.3, 1]),
        };
        const picture = noisePicture(random, format, 17, 15);
        const expected = copyOf(picture);
        new CompositeCpu().draw(picture, [{ ...place, kind: 'frame', frame, view, width, height }]);
        new CompositeCpu().draw(expected, [{ ...place, kind: 'bitmap', bitmap: shown }]);
        // Components are rounded in another order.
        expect(worstSample(picture, expected)).toBeLessThanOrEqual(1);
      }
    },
  );

  it('scale a frame bilinearly, whatever its format and depth', () => {
    for (const format of ALL_FORMATS) {
      const frame = rampPicture(format, 64, 48);
      const picture = noisePicture(seeded(2), 'RGBA', 100, 90);
      const view = { displayWidth: 64, displayHeight: 48, orientation: UPRIGHT };
      new CompositeCpu().draw(picture, [frameLayer(frame, { view, left: 0, top: 0, width: 96, height: 72 })]);
      // A ramp of luma from 40 to 200 stays one.
      for (let x = 4; x < 92; x++) {
        const luma = 40 + (160 * ((x + 0.5) / 96) * 64 - 80) / 63;
        const grey = (255 / 219) * (luma - 16);
        for (const plane of [0, 1, 2] as const)
          expect(Math.abs(sampleAt(picture, plane, x, 40) - grey)).toBeLessThan(1.5);
      }
      // Nothing is painted beside it.
      const untouched = noisePicture(seeded(2), 'RGBA', 100, 90);
      expect(sampleAt(picture, 0, 96, 40)).toBe(sampleAt(untouched, 0, 96, 40));
      expect(sampleAt(picture, 0, 40, 72)).toBe(sampleAt(untouched, 0, 40, 72));
    }
  });

  it('in I420 equal the same layers on RGBA, converted afterwards', () => {
    const random = seeded(8);
    for (const color of [BT709, BT601, { ...BT601, fullRange: true }]) {
      // Of one colour over each sample of chroma, and nowhere two layers that are not: I420 knows no finer chroma,
      // so what shows through a layer whose alpha changes within a sample cannot be the same.
      const rgba = blocksPicture(random, 63, 41);
      const i420 = i420Of(rgba, color);
      const pane = bitmapOf(50, 36, () => [40, 90, 180, 200]);
      const layers: CompositeLayer<Picture>[] = [
        { kind: 'bitmap', bitmap: randomBitmap(random, 26, 30), left: -7, top: 3, opacity: 1 },
        frameLayer(noisePicture(random, 'RGBA', 20, 24), { left: 21, top: 11, width: 35, height: 17 }),
        { kind: 'bitmap', bitmap: randomBitmap(random, 40, 30), left: 25, top: 29, opacity: 0.3 },
        { kind: 'bitmap', bitmap: pane, left: 6, top: 2, opacity: 0.3 },
      ];
      new CompositeCpu().draw(i420, layers);
      new CompositeCpu().draw(rgba, layers);
      // Both ways round to whole numbers at the start and after each layer, the one after its conversion too; half a
      // level each time, of which later layers leave less.
      expect(worstSample(i420, i420Of(rgba, color))).toBeLessThanOrEqual(2);
    }
  });

  it('that are clear, of no opacity, or elsewhere change nothing', () => {
    const random = seeded(5);
    const clear = bitmapOf(40, 40, () => [0, 0, 0, 0]);
    const opaque = bitmapOf(40, 40, () => [10, 20, 30, 255]);
    for (const format of ALL_FORMATS) {
      const picture = noisePicture(random, format, 31, 23);
      const before = copyOf(picture);
      new CompositeCpu().draw(picture, [
        { kind: 'bitmap', bitmap: clear, left: -3, top: -3, opacity: 1 },
        { kind: 'bitmap', bitmap: opaque, left: 0, top: 0, opacity: 0 },
        { kind: 'bitmap', bitmap: opaque, left: 31, top: 0, opacity: 1 },
        { kind: 'bitmap', bitmap: opaque, left: 0, top: -40, opacity: 1 },
        { ...{ kind: 'bitmap', bitmap: opaque, left: 0, top: 0, opacity: 1 }, from: NOWHERE },
      ]);
      expect(picture.planes[0].data).toEqual(before.planes[0].data);
    }
  });

  it('never write outside the visible picture', () => {
    const random = seeded(6);
    for (const format of ALL_FORMATS) {
      const picture = noisePicture(random, format, 61, 47, BT709, 6);
      const { data } = picture.planes[0];
      const before = data.slice();
      const inside = new Set<number>();
      for (const { offset, stride, step, subX, subY } of picture.planes) {
        for (let y = 0; y < 47; y++) {
          for (let x = 0; x < 61; x++) inside.add(offset + (y >> subY) * stride + (x >> subX) * step);
        }
      }
      const frame = frameLayer(noisePicture(random, 'I420', 9, 9), {
        ...{ left: 40, top: -8, width: 60, height: 90, opacity: 0.6 },
      });
      new CompositeCpu().draw(picture, [
        frame,
        ...Array.from({ length: 20 }, () => randomBitmapLayer(random, 61, 47)),
      ]);
      const touched = [...data.keys()].filter((i) => data[i] !== before[i]);
      expect(touched.length).toBeGreaterThan(0);
      expect(touched.every((i) => inside.has(i))).toBe(true);
    }
  });

  it('keep the extremes: white stays white and black black, in full range and in every depth', () => {
    for (const format of ALL_FORMATS) {
      for (const [value, alpha] of [
        [255, 255],
        [0, 255],
        [254, 254],
      ] as const) {
        const color = { ...BT709, fullRange: true };
        const picture = noisePicture(seeded(7), format, 8, 8, color);
        const level = (2 ** picture.bits - 1) * (value / 255);
        // What lies under it has the same colour, so that nothing may change.
        const m = rgbToSamples(picture.color, picture.bits);
        for (const plane of [0, 1, 2] as const)
          fillPlane(picture, plane, m[4 * plane + 3]! + (plane === 0 || m[1] === 0 ? level : 0));
        const before = copyOf(picture);
        const premultiplied = Math.round((value * alpha) / 255);
        const bitmap = bitmapOf(8, 8, () => [premultiplied, premultiplied, premultiplied, alpha]);
        new CompositeCpu().draw(picture, [{ kind: 'bitmap', bitmap, left: 0, top: 0, opacity: 1 }]);
        expect(worstSample(picture, before)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('brighter than their alpha are cut to it, not wrapped around', () => {
    const bitmap = bitmapOf(8, 8, () => [255, 255, 255, 3]);
    for (const format of ALL_FORMATS) {
      const picture = noisePicture(seeded(9), format, 8, 8);
      const tame = copyOf(picture);
      new CompositeCpu().draw(picture, [{ kind: 'bitmap', bitmap, left: 0, top: 0, opacity: 1 }]);
      const cut = bitmapOf(8, 8, () => [3, 3, 3, 3]);
      new CompositeCpu().draw(tame, [{ kind: 'bitmap', bitmap: cut, left: 0, top: 0, opacity: 1 }]);
      expect(picture.planes[0].data).toEqual(tame.planes[0].data);
    }
  });

  it('are right on another kind of picture after the first', () => {
    const random = seeded(10);
    const kernel = new CompositeCpu();
    const layer: BitmapLayer = {
      ...{ kind: 'bitmap', bitmap: randomBitmap(random, 20, 16), left: 2, top: 1, opacity: 1 },
    };
    for (const [format, color] of [
      ['I420', BT709],
      ['I420', BT601],
      ['RGBA', BT709],
      ['I420P10', BT709],
      ['I420', BT709],
    ] as const) {
      const picture = noisePicture(random, format, 24, 18, color);
      const before = copyOf(picture);
      kernel.draw(picture, [layer]);
      expect(worstAgainstNaive(picture, before, layer)).toBeLessThan(roundedOnce(picture));
    }
  });

  it('convert a bitmap once, as long as it is the same', () => {
    const bitmap = randomBitmap(seeded(11), 30, 20);
    let reads = 0;
    const watched = {
      ...bitmap,
      get data() {
        reads++;
        return bitmap.data;
      },
    };
    const kernel = new CompositeCpu();
    const picture = noisePicture(seeded(12), 'I420', 64, 48);
    for (const left of [0, 1, 2, 3])
      kernel.draw(picture, [{ kind: 'bitmap', bitmap: watched, left, top: 0, opacity: 1 }]);
    expect(reads).toBe(1);
  });
});

/** Right rounding, give or take two units of the 15 bits of fraction. */
const roundedOnce = ({ bits }: Picture): number => 0.5 + 2 ** (bits - 14);

const NOWHERE = { left: 40, top: 0, width: 10, height: 10 };

const frameLayer = (
  frame: Picture,
  rest: Omit<Partial<FrameLayer<Picture>>, 'kind' | 'frame'>,
): FrameLayer<Picture> => ({
  ...{ kind: 'frame', frame, left: 0, top: 0, width: frame.width, height: frame.height, opacity: 1 },
  view: { displayWidth: frame.width, displayHeight: frame.height, orientation: UPRIGHT },
  ...rest,
});

function copyOf(picture: Picture): Picture {
  const data = picture.planes[0].data.slice();
  const planes = picture.planes.map((plane) => ({ ...plane, data })) as Picture['planes'];
  return { ...picture, planes };
}

function i420Of(rgba: Picture, color: Picture['color']): Picture {
  const { width, height } = rgba;
  const buffer = new ArrayBuffer(packedLayout('I420', width, height).byteLength);
  const picture = pictureOver(buffer, 'I420', width, height, color);
  toI420Cpu(rgba, UPRIGHT, picture);
  return picture;
}

function fillPlane({ planes, width, height, bits }: Picture, index: 0 | 1 | 2, value: number): void {
  const { data, offset, stride, step, subX, subY } = planes[index];
  const sample = Math.min(2 ** bits - 1, Math.round(value));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[offset + (y >> subY) * stride + (x >> subX) * step] = sample;
  }
}

/** RGBA noise in blocks of 2×2 px. */
function blocksPicture(random: () => number, width: number, height: number): Picture {
  const picture = noisePicture(random, 'RGBA', width, height);
  const words = new Uint32Array(picture.planes[0].data.buffer);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) words[y * width + x] = words[(y & ~1) * width + (x & ~1)]!;
  }
  return picture;
}

/** Grey, by luma from 40 on the left to 200 on the right of 255. */
function rampPicture(format: string, width: number, height: number): Picture {
  const picture = noisePicture(seeded(3), format, width, height);
  const m = rgbToSamples(picture.color, picture.bits);
  for (const [index, { data, offset, stride, step, subX, subY }] of picture.planes.entries()) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const grey = (255 / 219) * (40 + (160 * x) / (width - 1) - 16);
        const row = m.subarray(4 * index, 4 * index + 4);
        const value = (row[0]! + row[1]! + row[2]!) * grey + row[3]!;
        data[offset + (y >> subY) * stride + (x >> subX) * step] = Math.round(value);
      }
    }
  }
  return picture;
}

function worstSample(a: Picture, b: Picture): number {
  let worst = 0;
  for (const plane of [0, 1, 2] as const) {
    for (let y = 0; y < a.height; y++) {
      for (let x = 0; x < a.width; x++)
        worst = Math.max(worst, Math.abs(sampleAt(a, plane, x, y) - sampleAt(b, plane, x, y)));
    }
  }
  return worst;
}

/** Greatest distance of a sample from its exact value, pixel by pixel in double precision: 0.5 is right rounding. */
function worstAgainstNaive(found: Picture, before: Picture, layer: BitmapLayer): number {
  const m = rgbToSamples(found.color, found.bits);
  const most = 2 ** found.bits - 1;
  let worst = 0;
  for (const plane of [0, 1, 2] as const) {
    const { subX, subY } = found.planes[plane];
    for (let y = 0; y < found.height; y += 1 << subY) {
      for (let x = 0; x < found.width; x += 1 << subX) {
        let [share, component, pixels] = [0, 0, 0];
        for (let py = y; py < Math.min(found.height, y + (1 << subY)); py++) {
          for (let px = x; px < Math.min(found.width, x + (1 << subX)); px++) {
            const over = pixelAt(layer, px, py);
            const alpha = over[3]! / 255;
            share += alpha;
            component += Math.min(most * alpha, rowOf(m, plane, over, alpha));
            pixels++;
          }
        }
        const under = sampleAt(before, plane, x, y);
        const exact = under * (1 - share / pixels) + component / pixels;
        worst = Math.max(worst, Math.abs(sampleAt(found, plane, x, y) - exact));
      }
    }
  }
  return worst;
}

const rowOf = (m: Affine, row: number, rgb: readonly number[], share: number): number =>
  m[4 * row]! * rgb[0]! + m[4 * row + 1]! * rgb[1]! + m[4 * row + 2]! * rgb[2]! + m[4 * row + 3]! * share;

/** Of a layer at a position of the target, its opacity included. */
function pixelAt({ bitmap, left, top, opacity, from }: BitmapLayer, px: number, py: number): number[] {
  const { width, height, data } = bitmap;
  const part = from ?? { left: 0, top: 0, width, height };
  const [inX, inY] = [px - left, py - top];
  const [x, y] = [inX + part.left, inY + part.top];
  const shown = inX >= 0 && inY >= 0 && inX < part.width && inY < part.height;
  if (!shown || x < 0 || y < 0 || x >= width || y >= height) return [0, 0, 0, 0];
  return [0, 1, 2, 3].map((c) => data[4 * (y * width + x) + c]! * opacity);
}
