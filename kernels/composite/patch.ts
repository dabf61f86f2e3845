import { type Axis, planeAxes } from '../bilinear.ts';
import { type Affine, compose, rgbToSamples, samplesToRgb } from '../color.ts';
import type { Picture, Plane } from '../picture.ts';
import type { Bitmap, FrameLayer, Placement } from './layer.ts';

/** Bits of fraction of all that is blended: products of two such numbers fit into 32-bit integers. */
export const FRACTION_BITS = 15;
/** 1 with {@link FRACTION_BITS}. */
export const ONE = 1 << FRACTION_BITS;

/** The kind of samples that a picture has. */
export type SampleKind = Pick<Picture, 'color' | 'bits'>;

/** A layer as samples of the picture under it. Every pixel has all three components, whatever the subsampling. */
export interface Patch {
  width: number;
  height: number;
  /** 0 to {@link ONE}. */
  alpha: Uint16Array;
  /** Y, U, V or R, G, B times alpha, of which {@link ONE} is 2 to the power of the picture's bits. */
  components: [Uint16Array, Uint16Array, Uint16Array];
  spans: Spans;
}

/** The parts of a patch's rows that are not fully transparent. */
export interface Spans {
  /** Per row the index of its first span, and after the last row that of the end. */
  rows: Int32Array;
  /** Three numbers a span: first px, px after the last, and 1 where all of it is opaque. */
  list: Int32Array;
}

/** A bitmap as it is blended into pictures of one kind. What is brighter than its alpha allows is cut to that. */
export function bitmapPatch({ width, height, data }: Bitmap, { color, bits }: SampleKind): Patch {
  const size = width * height;
  const alpha = new Uint16Array(size);
  const components: Patch['components'] = [
    new Uint16Array(size),
    new Uint16Array(size),
    new Uint16Array(size),
  ];
  const m = scaled(rgbToSamples(color, bits), bits);
  const most = greatest(bits);
  for (let i = 0; i < size; i++) {
    const a = data[4 * i + 3]!;
    if (a === 0) continue;
    const red = Math.min(a, data[4 * i]!);
    const green = Math.min(a, data[4 * i + 1]!);
    const blue = Math.min(a, data[4 * i + 2]!);
    const share = a / 255;
    alpha[i] = share * ONE + 0.5;
    for (let c = 0; c < 3; c++) {
      const row = 4 * c;
      const value = m[row]! * red + m[row + 1]! * green + m[row + 2]! * blue + m[row + 3]! * share;
      components[c]![i] = Math.min(most * share, Math.max(0, value)) + 0.5;
    }
  }
  return { width, height, alpha, components, spans: spansOf(alpha, width, height) };
}

/** Px that are judged together: a span saves more than this many blends, or it is none of its own. */
const CELL = 16;

const [TRANSPARENT, MIXED, OPAQUE] = [0, 1, 2];

function spansOf(alpha: Uint16Array, width: number, height: number): Spans {
  const rows = new Int32Array(height + 1);
  const list: number[] = [];
  for (let y = 0; y < height; y++) {
    let open = TRANSPARENT;
    for (let x = 0; x < width; x += CELL) {
      const from = y * width + x;
      const cell = cellOf(alpha, from, from + Math.min(CELL, width - x));
      if (cell !== open) {
        if (open !== TRANSPARENT) list[list.length - 2] = x;
        if (cell !== TRANSPARENT) list.push(x, width, Number(cell === OPAQUE));
        open = cell;
      }
    }
    rows[y + 1] = list.length;
  }
  return { rows, list: Int32Array.from(list) };
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

function cellOf(alpha: Uint16Array, from: number, to: number): number {
  let [least, greatest] = [ONE, 0];
  for (let i = from; i < to; i++) {
    if (alpha[i]! < least) least = alpha[i]!;
    if (alpha[i]! > greatest) greatest = alpha[i]!;
  }
  return greatest === 0 ? TRANSPARENT : least === ONE ? OPAQUE : MIXED;
}

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

/** So that it yields 2 to the power of `bits` as {@link ONE}. */
const scaled = (m: Affine, bits: number): Affine => m.map((value) => value * 2 ** (FRACTION_BITS - bits));

/** The component of the greatest sample of so many bits. */
const greatest = (bits: number): number => (2 ** bits - 1) * 2 ** (FRACTION_BITS - bits);
