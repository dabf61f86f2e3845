import type { Bitmap, BitmapLayer } from './composite/layer.ts';
import { pick, whole } from './testing.ts';

/** What the tests of layers share. Not part of the door. */

/** @param colorAt premultiplied RGBA, 0–255. */
export function bitmapOf(
  width: number,
  height: number,
  colorAt: (x: number, y: number) => readonly [number, number, number, number],
): Bitmap {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colorAt(x, y), 4 * (y * width + x));
  }
  return { width, height, data };
}

/** Noise under stripes that are clear, opaque, or of any alpha, of any width. */
export function randomBitmap(random: () => number, width: number, height: number): Bitmap {
  const period = whole(random, 1, 60);
  const stripes = Array.from({ length: 5 }, () => pick(random, [0, 255, null]));
  return bitmapOf(width, height, (x, y) => {
    const alpha = stripes[Math.floor((x + 2 * y) / period) % 5] ?? whole(random, 0, 255);
    return [whole(random, 0, alpha), whole(random, 0, alpha), whole(random, 0, alpha), alpha];
  });
}

/** Anywhere on, or partly or wholly beside, a target of that size, px. */
export function randomBitmapLayer(random: () => number, width: number, height: number): BitmapLayer {
  const bitmap = randomBitmap(random, whole(random, 1, 2 * width), whole(random, 1, 2 * height));
  const layer: BitmapLayer = {
    ...{ kind: 'bitmap', bitmap },
    left: whole(random, -bitmap.width, width),
    top: whole(random, -bitmap.height, height),
    opacity: pick(random, [0, 0.3, 1]),
  };
  if (random() < 0.5) return layer;
  const from = {
    left: whole(random, -5, bitmap.width),
    top: whole(random, -5, bitmap.height),
    width: whole(random, 0, bitmap.width),
    height: whole(random, 0, bitmap.height),
  };
  return { ...layer, from };
}
