import type { LetterboxSpec } from './geometry.ts';
import { type ColorSpec, type Orientation, type Picture, packedLayout, pictureOver } from './picture.ts';

/** What the kernels' tests share. Not part of the door. */

/** Mulberry32: the same numbers from the same seed everywhere. Yields [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`, both included. */
export const whole = (random: () => number, low: number, high: number): number =>
  low + Math.floor(random() * (high - low + 1));

export const pick = <T>(random: () => number, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)]!;

export const ORIENTATIONS: Orientation[] = ([0, 90, 180, 270] as const).flatMap((rotation) =>
  [false, true].map((flip) => ({ rotation, flip })),
);

export const ALL_FORMATS = [
  'I420',
  'I422',
  'I444',
  'NV12',
  'RGBA',
  'BGRA',
  'I420P10',
  'I422P10',
  'I444P10',
  'I420P12',
];

export const BT709: ColorSpec = { matrix: 'bt709', fullRange: false };
export const BT601: ColorSpec = { matrix: 'bt601', fullRange: false };

/** Noise over the whole range of the format, padding of the rows included. */
export function noisePicture(
  random: () => number,
  format: string,
  width: number,
  height: number,
  color: ColorSpec = BT709,
  spare = 0,
): Picture {
  const tight = packedLayout(format, width, height);
  const layout = tight.layout.map(({ offset, stride }, index) => ({
    offset: offset + spare * height * index,
    stride: stride + spare,
  }));
  const buffer = new ArrayBuffer(tight.byteLength + spare * height * layout.length);
  const picture = pictureOver(buffer, format, width, height, color, layout);
  const { data } = picture.planes[0];
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(random() * 2 ** picture.bits);
  return picture;
}

/** Sample of one plane at a luma position of the stored picture. */
export function sampleAt(picture: Picture, plane: 0 | 1 | 2, x: number, y: number): number {
  const { data, offset, stride, step, subX, subY } = picture.planes[plane];
  return data[offset + (y >> subY) * stride + (x >> subX) * step]!;
}

/** Where a pixel of the upright picture lies in the stored one: rotated by 90° as often as it takes, then mirrored. */
export function storedPosition(
  x: number,
  y: number,
  width: number,
  height: number,
  { rotation, flip }: Orientation,
): [number, number] {
  let [w, h] = rotation % 180 === 0 ? [width, height] : [height, width];
  let [px, py] = [flip ? w - 1 - x : x, y];
  for (let turned = rotation; turned > 0; turned -= 90) {
    // Undoes one clockwise quarter turn of a picture that is w × h after it.
    [px, py] = [py, w - 1 - px];
    [w, h] = [h, w];
  }
  return [px, py];
}

export const YOLOX_SPEC: LetterboxSpec = {
  width: 416,
  height: 416,
  placement: 'top-left',
  pad: 114,
  order: 'bgr',
  mean: [0, 0, 0],
  scale: [1, 1, 1],
};

/** Greatest absolute difference of two arrays of one length. */
export function worstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
