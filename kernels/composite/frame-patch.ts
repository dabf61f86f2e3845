import { type Axis, planeAxes } from '../bilinear.ts';
import { compose, rgbToSamples, samplesToRgb } from '../color.ts';
import type { Picture, Plane } from '../picture.ts';
import type { FrameLayer, Placement } from './layer.ts';
import { FRACTION_BITS, greatest, ONE, type Patch, type SampleKind, type Spans, scaled } from './patch.ts';

/** Makes opaque patches of frames, every time in the same memory. */
export class FramePatcher {
  #alpha = new Uint16Array(0);
  #components: Patch['components'] = [this.#alpha, this.#alpha, this.#alpha];

  /** @returns the part that shows; good until the next call. */
  patch(layer: FrameLayer<Picture>, { shown, left, top }: Placement, kind: SampleKind): Patch {
    const { frame, view } = layer;
    const patch = this.#opaque(shown.right - shown.left, shown.bottom - shown.top);
    for (const [i, plane] of frame.planes.entries()) {
      const { x, y } = planeAxes(frame, plane, view.orientation, layer);
      const columns = taps(x, shown.left - left, patch.width);
      const rows = taps(y, shown.top - top, patch.height);
      resample(plane, frame.bits, columns, rows, patch.components[i]!);
    }
    convert(patch, frame, kind);
    return patch;
  }

  #opaque(width: number, height: number): Patch {
    const size = width * height;
    if (size > this.#alpha.length) {
      this.#alpha = new Uint16Array(size).fill(ONE);
      this.#components = [new Uint16Array(size), new Uint16Array(size), new Uint16Array(size)];
    }
    return {
      width,
      height,
      alpha: this.#alpha,
      components: this.#components,
      spans: wholeRows(width, height),
    };
  }
}

/** Spans of a patch that is opaque all over. */
function wholeRows(width: number, height: number): Spans {
  const rows = new Int32Array(height + 1);
  const list = new Int32Array(3 * height);
  for (let y = 0; y < height; y++) {
    list[3 * y + 1] = width;
    list[3 * y + 2] = 1;
    rows[y + 1] = 3 * y + 3;
  }
  return { rows, list };
}

/** An axis, or a part of it, with the second sample's share in whole numbers. */
interface Taps {
  first: Int32Array;
  second: Int32Array;
  /** {@link WEIGHT_BITS} of fraction. */
  weight: Int32Array;
}

/** As exact as the samplers of GPUs are. */
const WEIGHT_BITS = 8;

function taps({ first, second, weight }: Axis, from: number, count: number): Taps {
  const to = from + count;
  const whole = new Int32Array(count);
  for (let i = 0; i < count; i++) whole[i] = Math.round(weight[from + i]! * 2 ** WEIGHT_BITS);
  return { first: first.subarray(from, to), second: second.subarray(from, to), weight: whole };
}

/**
 * The hot loop. `Math.imul`, because the engine cannot know that the products are small, and would take floats.
 * @param out one component, {@link ONE} for 2 to the power of the plane's bits.
 */
function resample({ data, offset }: Plane, bits: number, columns: Taps, rows: Taps, out: Uint16Array): void {
  const { first, second, weight } = columns;
  const shift = 2 * WEIGHT_BITS + bits - FRACTION_BITS;
  const half = (1 << shift) >> 1;
  for (let row = 0, at = 0; row < rows.first.length; row++) {
    const upper = offset + rows.first[row]!;
    const lower = offset + rows.second[row]!;
    const down = rows.weight[row]!;
    for (let column = 0; column < first.length; column++, at++) {
      const x0 = first[column]!;
      const x1 = second[column]!;
      const across = weight[column]!;
      const upperLeft = data[upper + x0]!;
      const lowerLeft = data[lower + x0]!;
      const above = (upperLeft << WEIGHT_BITS) + Math.imul(data[upper + x1]! - upperLeft, across);
      const below = (lowerLeft << WEIGHT_BITS) + Math.imul(data[lower + x1]! - lowerLeft, across);
      out[at] = ((above << WEIGHT_BITS) + Math.imul(below - above, down) + half) >> shift;
    }
  }
}

/** From one kind of samples to another, in place. */
function convert({ width, height, components: [a, b, c] }: Patch, from: SampleKind, to: SampleKind): void {
  if (
    from.bits === to.bits &&
    from.color.matrix === to.color.matrix &&
    from.color.fullRange === to.color.fullRange
  )
    return;
  const m = scaled(compose(rgbToSamples(to.color, to.bits), samplesToRgb(from.color, from.bits)), to.bits);
  const unit = 2 ** (from.bits - FRACTION_BITS);
  const most = greatest(to.bits);
  const [m00, m01, m02, m03] = [m[0]! * unit, m[1]! * unit, m[2]! * unit, m[3]!];
  const [m10, m11, m12, m13] = [m[4]! * unit, m[5]! * unit, m[6]! * unit, m[7]!];
  const [m20, m21, m22, m23] = [m[8]! * unit, m[9]! * unit, m[10]! * unit, m[11]!];
  for (let i = 0; i < width * height; i++) {
    const p = a[i]!;
    const q = b[i]!;
    const r = c[i]!;
    const x = m00 * p + m01 * q + m02 * r + m03;
    const y = m10 * p + m11 * q + m12 * r + m13;
    const z = m20 * p + m21 * q + m22 * r + m23;
    // Not `Math.min` and `Math.max`, for what they owe to NaN and −0.
    a[i] = (x < 0 ? 0 : x > most ? most : x) + 0.5;
    b[i] = (y < 0 ? 0 : y > most ? most : y) + 0.5;
    c[i] = (z < 0 ? 0 : z > most ? most : z) + 0.5;
  }
}
