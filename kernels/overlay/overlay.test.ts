import { describe, expect, it } from 'vitest';
import { samplesToRgb } from '../color.ts';
import { type Picture, packedLayout, pictureOver } from '../picture.ts';
import { ALL_FORMATS, BT709, noisePicture, sampleAt, seeded, whole } from '../testing.ts';
import { cellWidthOf, glyphOf, glyphsOf, scaleAtlas } from './atlas.ts';
import { layoutBox } from './layout.ts';
import { labelOf, OverlayCpu } from './overlay.cpu.ts';
import { CLASS_COLORS, classColor, overlayStyle, textColor } from './style.ts';

const grey = (format: string, width: number, height: number): Picture => {
  const { byteLength } = packedLayout(format, width, height);
  const picture = pictureOver(new ArrayBuffer(byteLength), format, width, height, BT709);
  picture.planes[0].data.fill(2 ** (picture.bits - 1));
  return picture;
};

const rgbAt = (picture: Picture, x: number, y: number): number[] => {
  const m = samplesToRgb(picture.color, picture.bits);
  const samples = ([0, 1, 2] as const).map((plane) => sampleAt(picture, plane, x, y));
  return [0, 4, 8].map((row) =>
    Math.round(samples.reduce((sum, s, i) => sum + m[row + i]! * s, m[row + 3]!)),
  );
};

describe('overlay on the CPU', () => {
  it.each(ALL_FORMATS)('paints the lines of a box in its colour and leaves the rest alone: %s', (format) => {
    const picture = grey(format, 201, 151);
    const before = rgbAt(picture, 100, 100);
    new OverlayCpu(201, 151).draw(picture, [{ box: [40, 60, 120, 80], classId: 1, label: 'dog 0.50' }]);
    for (const [x, y] of [
      [40, 100],
      [159, 100],
      [100, 60],
      [100, 139],
    ] as const) {
      rgbAt(picture, x, y).forEach((value, c) => {
        expect(Math.abs(value - classColor(1)[c]!)).toBeLessThanOrEqual(3);
      });
    }
    for (const [x, y] of [
      [100, 100],
      [37, 100],
      [100, 141],
    ] as const) {
      expect(rgbAt(picture, x, y)).toEqual(before);
    }
  });

  it('mixes a colour into a chroma sample by the share it covers', () => {
    // The left line is two px wide: from an even column it fills a chroma sample, from an odd one half of two.
    const [filled, halves] = [10, 11].map((left) => {
      const picture = grey('I420', 64, 64);
      new OverlayCpu(64, 64).draw(picture, [{ box: [left, 31, 40, 21], classId: 2, label: '' }]);
      return [10, 12].map((x) => sampleAt(picture, 1, x, 40));
    });
    expect(filled![0]).toBeGreaterThan(150);
    expect(filled![1]).toBe(128);
    for (const half of halves!) expect(Math.abs(half - (128 + filled![0]!) / 2)).toBeLessThanOrEqual(1);
  });

  it('never writes outside the visible picture', () => {
    const random = seeded(4);
    for (const format of ALL_FORMATS) {
      const picture = noisePicture(random, format, 61, 47, BT709, 6);
      const { data } = picture.planes[0];
      const before = data.slice();
      const inside = new Set<number>();
      for (const plane of [0, 1, 2] as const) {
        const { offset, stride, step, subX, subY } = picture.planes[plane];
        for (let y = 0; y < 47; y++) {
          for (let x = 0; x < 61; x++) inside.add(offset + (y >> subY) * stride + (x >> subX) * step);
        }
      }
      const items = Array.from({ length: 30 }, (_, classId) => ({
        box: [
          whole(random, -90, 90),
          whole(random, -90, 90),
          whole(random, 0, 200),
          whole(random, 0, 200),
        ] as const,
        classId,
        label: labelOf('a very long class name indeed', random()),
      }));
      new OverlayCpu(61, 47).draw(picture, items);
      const touched = [...data.keys()].filter((i) => data[i] !== before[i]);
      expect(touched.length).toBeGreaterThan(0);
      expect(touched.every((i) => inside.has(i))).toBe(true);
    }
  });
});

describe('label layout', () => {
  const style = overlayStyle(640, 360);

  it('stands above the box, or inside it where there is no room, and never leaves the picture', () => {
    const height = style.cellHeight + 2 * style.padY;
    expect(layoutBox([100, 100, 50, 50], 8, style, 640, 360).label).toMatchObject({ left: 100, bottom: 100 });
    expect(layoutBox([100, 3, 50, 50], 8, style, 640, 360).label).toMatchObject({
      top: 3,
      bottom: 3 + height,
    });
    expect(layoutBox([630, 100, 50, 50], 8, style, 640, 360).label.right).toBe(640);
    expect(layoutBox([-20, -20, 50, 50], 8, style, 640, 360).label).toMatchObject({ left: 0, top: 0 });
  });

  it('cuts a label that is wider than the picture', () => {
    const { characters, label } = layoutBox([0, 50, 10, 10], 500, style, 640, 360);
    expect(characters * style.cellWidth + 2 * style.padX).toBeLessThanOrEqual(640);
    expect(label.right).toBeLessThanOrEqual(640);
  });
});

describe('glyphs and colours', () => {
  it('keeps its ink when it is scaled', () => {
    const full = scaleAtlas(38);
    for (const height of [12, 20, 31, 48]) {
      const atlas = scaleAtlas(height);
      expect(atlas.cellWidth).toBe(cellWidthOf(height));
      expect(Math.abs(mean(atlas.coverage) - mean(full.coverage))).toBeLessThan(1);
    }
  });

  it('shows a question mark for what it lacks', () => {
    expect(glyphsOf('é😀?')).toEqual([31, 31, 31]);
    expect(glyphOf('A')).toBe(33);
  });

  it('has at least twenty different colours and readable text on each', () => {
    expect(new Set(CLASS_COLORS.map(String)).size).toBeGreaterThanOrEqual(20);
    for (const color of CLASS_COLORS) {
      const contrast = luma(color) - luma(textColor(color));
      expect(Math.abs(contrast)).toBeGreaterThan(100);
    }
  });
});

const luma = ([red, green, blue]: readonly number[]) => 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
