import type { View } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { Measurement } from './kalman.ts';

/** x, y, width, height, px. */
export type Box = Detection['box'];

export const toMeasurement = ([x, y, width, height]: Box): Measurement => [
  x + width / 2,
  y + height / 2,
  width,
  height,
];

export const toBox = ([x, y, width, height]: Measurement): Box => [
  rounded(x - width / 2),
  rounded(y - height / 2),
  rounded(width),
  rounded(height),
];

/** Intersection over union. */
export function overlap([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  return width > 0 && height > 0 ? (width * height) / (aw * ah + bw * bh - width * height) : 0;
}

/** The part of a box that the picture shows; null when it has left. */
export function within([x, y, width, height]: Box, { displayWidth, displayHeight }: View): Box | null {
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  const right = Math.min(displayWidth, x + width);
  const bottom = Math.min(displayHeight, y + height);
  if (right - left < 1 || bottom - top < 1) return null;
  return [left, top, rounded(right - left), rounded(bottom - top)];
}

const rounded = (value: number) => Math.round(value * 10) / 10;
