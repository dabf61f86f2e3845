import { classColor } from '../../kernels/index.ts';
import type { Detection, FrameEvent } from '../../protocol/index.ts';
import { overlap } from '../../web/engine/track/boxes.ts';

export const boxesOf = ({ detections }: FrameEvent): Detection[] => detections ?? [];

/**
 * Detections of one list that have no counterpart in the other: same class, overlapping enough. Those that score near
 * the threshold come and go with the encoder's noise, and are not asked for.
 */
export function unmatched(
  wanted: readonly Detection[],
  found: readonly Detection[],
  { leastScore, leastIou }: { leastScore: number; leastIou: number },
): Detection[] {
  return wanted
    .filter(({ score }) => score >= leastScore)
    .filter((one) => !found.some((other) => other.id === one.id && overlap(other.box, one.box) >= leastIou));
}

/** Mean overlap of the detections with their counterparts. */
export function meanIou(wanted: readonly Detection[], found: readonly Detection[]): number {
  const overlaps = wanted.map((one) =>
    Math.max(0, ...found.filter(({ id }) => id === one.id).map((other) => overlap(other.box, one.box))),
  );
  return overlaps.reduce((sum, value) => sum + value, 0) / overlaps.length;
}

/** An RGB picture of three bytes a pixel. */
export interface RgbPicture {
  data: Buffer;
  width: number;
  height: number;
}

/**
 * Share of the points along a box's left, right and bottom edge, half a line's thickness inside, that the drawing took
 * towards the colour of the class. Corners are left out, and the top, where the label stands.
 */
export function shareOfEdge(
  drawn: RgbPicture,
  before: RgbPicture,
  { box: [x, y, w, h], id }: Detection,
): number {
  const color = classColor(id);
  const [left, top] = [Math.max(0, Math.round(x)), Math.max(0, Math.round(y))];
  const right = Math.min(drawn.width, Math.round(x + w)) - 1;
  const bottom = Math.min(drawn.height, Math.round(y + h)) - 1;
  const points: [number, number][] = [];
  for (let at = top + Math.ceil((bottom - top) / 4); at < bottom - 4; at += 3)
    points.push([left + 1, at], [right - 1, at]);
  for (let at = left + 4; at < right - 4; at += 3) points.push([at, bottom - 1]);
  const taken = points.filter(([px, py]) => {
    const off = distance(drawn, px, py, color);
    return off <= NEARER * distance(before, px, py, color) + AS_GOOD_AS_EQUAL;
  });
  return taken.length / points.length;
}

/** Lines are two pixels thin: where they fall between chroma samples, half of their colour is that of the scene. */
const NEARER = 0.65;
/** Levels of 255 that an encoder is forgiven. */
const AS_GOOD_AS_EQUAL = 20;

function distance(
  { data, width }: RgbPicture,
  x: number,
  y: number,
  [r, g, b]: readonly [number, number, number],
): number {
  const at = (y * width + x) * 3;
  return Math.hypot(data[at]! - r, data[at + 1]! - g, data[at + 2]! - b);
}
