import { compose, rgbToSamples, samplesToRgb } from '../color.ts';
import { orientedAxes, uprightSize } from '../geometry.ts';
import { type Orientation, type Picture, type Plane, subsampled } from '../picture.ts';

/**
 * Any picture to an upright 8-bit I420 one, turned as its orientation says. A chroma sample is the mean of the chroma
 * of the (up to four) pixels it covers. Deeper samples are rounded once, halves up. A source of another matrix or
 * range is converted to `target.color`. Also the twin of the GPU's `rgb-to-i420`.
 * @throws {RangeError} when the target is not I420, 8 bits, of the source's size once upright.
 */
export function toI420Cpu(source: Picture, orientation: Orientation, target: Picture): void {
  checkTarget(source, orientation, target);
  const sameColor =
    source.color.matrix === target.color.matrix && source.color.fullRange === target.color.fullRange;
  if (!sameColor) {
    convertPixels(source, orientation, target);
    return;
  }
  source.planes.forEach((plane, index) => {
    const out = target.planes[index]!;
    const size = { width: subsampled(target.width, out.subX), height: subsampled(target.height, out.subY) };
    const upright = orientation.rotation === 0 && !orientation.flip;
    if (upright && canCopyRows(source, plane, out)) copyRows(plane, out, size);
    else if (index === 0) turnLuma(offsetsOf(source, plane, orientation), plane, out, source.bits - 8);
    else turnChroma(offsetsOf(source, plane, orientation), plane, out, size, source.bits - 8);
  });
}

function checkTarget(source: Picture, orientation: Orientation, target: Picture): void {
  const { width, height } = uprightSize(source.width, source.height, orientation);
  const [y, u, v] = target.planes;
  const i420 = [y, u, v].every((plane) => plane.step === 1) && u.subX === 1 && u.subY === 1;
  if (!i420 || target.bits !== 8 || target.color.matrix === 'rgb') {
    throw new RangeError('the target must be an 8-bit I420 picture');
  }
  if (target.width !== width || target.height !== height) {
    throw new RangeError(
      `the target is ${target.width}×${target.height}, the upright source ${width}×${height}`,
    );
  }
}

/** For each target column and row (in luma px): what it adds to the index of its source sample. */
interface Offsets {
  x: Int32Array;
  y: Int32Array;
}

function offsetsOf({ width, height }: Picture, plane: Plane, orientation: Orientation): Offsets {
  const { swap, mirrorX, mirrorY } = orientedAxes(orientation);
  const across = { size: width, sub: plane.subX, step: plane.step };
  const down = { size: height, sub: plane.subY, step: plane.stride };
  const axis = ({ size, sub, step }: typeof across, mirrored: boolean, base: number) =>
    Int32Array.from({ length: size }, (_, i) => base + ((mirrored ? size - 1 - i : i) >> sub) * step);
  return {
    x: axis(swap ? down : across, mirrorX, 0),
    y: axis(swap ? across : down, mirrorY, plane.offset),
  };
}

const canCopyRows = (source: Picture, plane: Plane, out: Plane): boolean =>
  source.bits === 8 && plane.step === 1 && plane.subX === out.subX && plane.subY === out.subY;

function copyRows(from: Plane, to: Plane, { width, height }: { width: number; height: number }): void {
  if (from.stride === width && to.stride === width) {
    to.data.set(from.data.subarray(from.offset, from.offset + width * height), to.offset);
    return;
  }
  for (let row = 0; row < height; row++) {
    const at = from.offset + row * from.stride;
    to.data.set(from.data.subarray(at, at + width), to.offset + row * to.stride);
  }
}

function turnLuma({ x, y }: Offsets, from: Plane, to: Plane, shift: number): void {
  const { data } = from;
  const out = to.data;
  const half = (1 << shift) >> 1;
  for (let row = 0; row < y.length; row++) {
    const base = y[row]!;
    let at = to.offset + row * to.stride;
    for (let column = 0; column < x.length; column++, at++) {
      const value = (data[base + x[column]!]! + half) >> shift;
      out[at] = Math.min(value, 255);
    }
  }
}

function turnChroma(
  { x, y }: Offsets,
  from: Plane,
  to: Plane,
  { width, height }: { width: number; height: number },
  depth: number,
): void {
  const { data } = from;
  const out = to.data;
  const shift = depth + 2;
  const half = 1 << (shift - 1);
  // At an odd edge the last pixel counts for its missing neighbour too: the mean stays the mean of what is there.
  const lastX = x.length - 1;
  const lastY = y.length - 1;
  for (let row = 0; row < height; row++) {
    const above = y[2 * row]!;
    const below = y[Math.min(lastY, 2 * row + 1)]!;
    let at = to.offset + row * to.stride;
    for (let column = 0; column < width; column++, at++) {
      const left = x[2 * column]!;
      const right = x[2 * column < lastX ? 2 * column + 1 : lastX]!;
      const sum = data[above + left]! + data[above + right]! + data[below + left]! + data[below + right]!;
      const value = (sum + half) >> shift;
      out[at] = Math.min(value, 255);
    }
  }
}

/** RGB sources, and YUV ones of another matrix or range: every pixel goes through one affine map. */
function convertPixels(source: Picture, orientation: Orientation, target: Picture): void {
  const m = compose(rgbToSamples(target.color, 8), samplesToRgb(source.color, source.bits));
  const [a, b, c] = source.planes;
  const [offsetsA, offsetsB, offsetsC] = source.planes.map((plane) => offsetsOf(source, plane, orientation));
  const [outY, outU, outV] = target.planes;
  const { width, height } = target;
  const sums = new Float64Array(3 * subsampled(width, 1));

  for (let row = 0; row < height; row += 2) {
    sums.fill(0);
    const rows = Math.min(2, height - row);
    for (let line = row; line < row + rows; line++) {
      const baseA = offsetsA!.y[line]!;
      const baseB = offsetsB!.y[line]!;
      const baseC = offsetsC!.y[line]!;
      let at = outY.offset + line * outY.stride;
      for (let column = 0; column < width; column++, at++) {
        const sampleA = a.data[baseA + offsetsA!.x[column]!]!;
        const sampleB = b.data[baseB + offsetsB!.x[column]!]!;
        const sampleC = c.data[baseC + offsetsC!.x[column]!]!;
        outY.data[at] = toByte(m[0]! * sampleA + m[1]! * sampleB + m[2]! * sampleC + m[3]!);
        const sum = 3 * (column >> 1);
        sums[sum] += sampleA;
        sums[sum + 1] += sampleB;
        sums[sum + 2] += sampleC;
      }
    }
    const atU = outU.offset + (row >> 1) * outU.stride;
    const atV = outV.offset + (row >> 1) * outV.stride;
    for (let column = 0; column < subsampled(width, 1); column++) {
      const share = 1 / (rows * Math.min(2, width - 2 * column));
      const meanA = sums[3 * column]! * share;
      const meanB = sums[3 * column + 1]! * share;
      const meanC = sums[3 * column + 2]! * share;
      outU.data[atU + column] = toByte(m[4]! * meanA + m[5]! * meanB + m[6]! * meanC + m[7]!);
      outV.data[atV + column] = toByte(m[8]! * meanA + m[9]! * meanB + m[10]! * meanC + m[11]!);
    }
  }
}

const toByte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value + 0.5));
