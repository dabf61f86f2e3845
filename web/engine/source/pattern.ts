import { type ColorSpec, packedLayout } from '../../../kernels/index.ts';
import type { Painter } from './generated.ts';

/** Bits of the frame number in the bar code along the top edge, most significant first. */
export const COUNTER_BITS = 16;

/** Colours of what the pattern is painted in. */
export const PATTERN_COLOR: ColorSpec = { matrix: 'bt709', fullRange: false };

/**
 * A moving test pattern: a gradient that drifts, three discs on their ways, and along the top a bar code of
 * {@link COUNTER_BITS} cells that carries the frame's number, wide enough to survive any encoder.
 */
export const patternPainter = (width: number, height: number): Painter => ({
  name: 'pattern',
  parallel: 1,
  paint(index) {
    const planes = new ArrayBuffer(packedLayout('I420', width, height).byteLength);
    paintPattern(new Uint8Array(planes), width, height, index);
    return { planes };
  },
  close() {},
});

/** Paints frame `index` into packed I420 planes. */
export function paintPattern(planes: Uint8Array, width: number, height: number, index: number): void {
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const u = width * height;
  const v = u + chromaWidth * chromaHeight;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) planes[row + x] = 60 + ((((x + 2 * index) >> 2) + (y >> 1)) % 100);
  }
  planes.fill(118, u, v);
  planes.fill(138, v);
  const radius = Math.max(4, Math.round(Math.min(width, height) / 9));
  for (let disc = 0; disc < 3; disc++) {
    const phase = index * (0.03 + 0.01 * disc) + disc * 2.1;
    const cx = Math.round((width / 2) * (1 + 0.7 * Math.cos(phase)));
    const cy = Math.round((height / 2) * (1 + 0.5 * Math.sin(1.3 * phase)));
    const [luma, cb, cr] = DISCS[disc]!;
    fillDisc(planes.subarray(0, u), width, height, cx, cy, radius, luma);
    fillDisc(planes.subarray(u, v), chromaWidth, chromaHeight, cx >> 1, cy >> 1, radius >> 1, cb);
    fillDisc(planes.subarray(v), chromaWidth, chromaHeight, cx >> 1, cy >> 1, radius >> 1, cr);
  }
  const cell = Math.floor(width / COUNTER_BITS);
  const bar = Math.max(8, height >> 4);
  for (let bit = 0; bit < COUNTER_BITS; bit++) {
    const luma = (index >> (COUNTER_BITS - 1 - bit)) & 1 ? 235 : 16;
    for (let y = 0; y < bar; y++) planes.fill(luma, y * width + bit * cell, y * width + (bit + 1) * cell);
  }
}

/** Y, U, V of the discs: red, green, blue. */
const DISCS = [
  [82, 100, 212],
  [145, 54, 34],
  [60, 212, 118],
] as const;

function fillDisc(
  plane: Uint8Array,
  width: number,
  height: number,
  cx: number,
  cy: number,
  radius: number,
  value: number,
): void {
  for (let y = Math.max(0, cy - radius); y < Math.min(height, cy + radius); y++) {
    const half = Math.floor(Math.sqrt(radius * radius - (y - cy) ** 2));
    plane.fill(
      value,
      y * width + Math.max(0, cx - half),
      y * width + Math.min(width, Math.max(0, cx + half)),
    );
  }
}
