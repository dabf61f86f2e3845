import type { Picture, Plane } from '../picture.ts';
import type { Placement } from './layer.ts';
import { FRACTION_BITS, ONE, type Patch } from './patch.ts';

/** @param place where the patch lies on the picture. @param opacity 0 to 1. */
export function blendPatch(picture: Picture, patch: Patch, place: Placement, opacity: number): void {
  const over = Math.round(opacity * ONE);
  const { planes, bits } = picture;
  for (const [index, plane] of planes.entries()) {
    if (plane.subX === 0) blendPlane(plane, bits, patch, patch.components[index]!, place, over);
  }
  if (planes[1].subX === 1) blendChroma(picture, patch, place, over);
}

const HALF = ONE / 2;

/** A plane with a sample for every pixel. @param over opacity of all; {@link ONE} is opaque. */
function blendPlane(
  { data, offset, stride, step }: Plane,
  bits: number,
  { width, alpha, spans }: Patch,
  component: Uint16Array,
  { shown, left, top }: Placement,
  over: number,
): void {
  const shift = FRACTION_BITS - bits;
  const half = (1 << shift) >> 1;
  for (let y = shown.top; y < shown.bottom; y++) {
    const patchRow = (y - top) * width - left;
    const lastSpan = spans.rows[y - top + 1]!;
    for (let span = spans.rows[y - top]!; span < lastSpan; span += 3) {
      const from = Math.max(shown.left, left + spans.list[span]!);
      const to = Math.min(shown.right, left + spans.list[span + 1]!);
      let at = offset + y * stride + from * step;
      if (over === ONE && spans.list[span + 2] === 1) {
        for (let i = patchRow + from; i < patchRow + to; i++, at += step) {
          data[at] = (component[i]! + half) >> shift;
        }
      } else {
        for (let i = patchRow + from; i < patchRow + to; i++, at += step) {
          const under = ONE - ((alpha[i]! * over) >> FRACTION_BITS);
          data[at] = (data[at]! * under + ((component[i]! * over) >> shift) + HALF) >> FRACTION_BITS;
        }
      }
    }
  }
}

/** Both subsampled planes: a sample takes the mean of alpha and of the components over its pixels in the picture. */
function blendChroma(picture: Picture, patch: Patch, place: Placement, over: number): void {
  const { shown, left, top } = place;
  const { subY } = picture.planes[1];
  // Samples all of whose pixels are covered; at the edges there may be others.
  const [from, to] = [(shown.left + 1) >> 1, shown.right >> 1];
  const [first, last] = [shown.left >> 1, (shown.right - 1) >> 1];
  for (let y = shown.top >> subY; y << subY < shown.bottom; y++) {
    const [upper, lower] = [y << subY, ((y + 1) << subY) - 1];
    if (upper < shown.top || lower >= shown.bottom) {
      for (let x = first; x <= last; x++) blendEdge(picture, patch, place, over, x, y);
      continue;
    }
    if (first < from) blendEdge(picture, patch, place, over, first, y);
    const seen = seenOf(patch, upper - top, lower - top);
    const start = Math.max(from, (left + seen.from) >> 1);
    const end = Math.min(to, (left + seen.to + 1) >> 1);
    blendCovered(picture, patch, place, over, y, start, end);
    if (last >= to) blendEdge(picture, patch, place, over, last, y);
  }
}

/** What of two rows of a patch is not fully transparent, px. */
function seenOf({ width, spans: { rows, list } }: Patch, upper: number, lower: number) {
  let [from, to] = [width, 0];
  for (const row of [upper, lower]) {
    if (rows[row] === rows[row + 1]) continue;
    from = Math.min(from, list[rows[row]!]!);
    to = Math.max(to, list[rows[row + 1]! - 2]!);
  }
  return { from, to };
}

/** The samples [from, to) of a row, each with all of its pixels. */
function blendCovered(
  { bits, planes }: Picture,
  { width, alpha, components }: Patch,
  { left, top }: Placement,
  over: number,
  y: number,
  from: number,
  to: number,
): void {
  const [, planeU, planeV] = planes;
  const { data: dataU, step: stepU, subY } = planeU;
  const { data: dataV, step: stepV } = planeV;
  const [, componentU, componentV] = components;
  const shift = FRACTION_BITS - bits;
  let atU = planeU.offset + y * planeU.stride + from * stepU;
  let atV = planeV.offset + y * planeV.stride + from * stepV;
  let i = ((y << subY) - top) * width + 2 * from - left;
  // Where a sample has one row, that counts twice.
  let j = i + subY * width;
  for (let x = from; x < to; x++, i += 2, j += 2, atU += stepU, atV += stepV) {
    const share = (alpha[i]! + alpha[i + 1]! + alpha[j]! + alpha[j + 1]!) >> 2;
    if (share === 0) continue;
    const u = (componentU[i]! + componentU[i + 1]! + componentU[j]! + componentU[j + 1]!) >> 2;
    const v = (componentV[i]! + componentV[i + 1]! + componentV[j]! + componentV[j + 1]!) >> 2;
    const under = ONE - ((share * over) >> FRACTION_BITS);
    dataU[atU] = (dataU[atU]! * under + ((u * over) >> shift) + HALF) >> FRACTION_BITS;
    dataV[atV] = (dataV[atV]! * under + ((v * over) >> shift) + HALF) >> FRACTION_BITS;
  }
}

/** A sample of which the layer covers some pixels only, or that has fewer at an odd edge of the picture. */
function blendEdge(
  { width, height, bits, planes }: Picture,
  patch: Patch,
  { shown, left, top }: Placement,
  over: number,
  x: number,
  y: number,
): void {
  const { subX, subY } = planes[1];
  const right = (x + 1) << subX;
  const bottom = (y + 1) << subY;
  const count = (Math.min(width, right) - (x << subX)) * (Math.min(height, bottom) - (y << subY));
  const sums = [0, 0, 0];
  for (let py = Math.max(shown.top, y << subY); py < Math.min(shown.bottom, bottom); py++) {
    for (let px = Math.max(shown.left, x << subX); px < Math.min(shown.right, right); px++) {
      const i = (py - top) * patch.width + px - left;
      [patch.alpha, patch.components[1], patch.components[2]].forEach((values, s) => {
        sums[s] = sums[s]! + values[i]!;
      });
    }
  }
  const [share, ...components] = sums.map((sum) => Math.floor((sum / count) * (over / ONE)));
  for (const [i, value] of components.entries()) {
    const { data, offset, stride, step } = planes[i + 1]!;
    const at = offset + y * stride + x * step;
    data[at] = (data[at]! * (ONE - share!) + (value << bits) + HALF) >> FRACTION_BITS;
  }
}
