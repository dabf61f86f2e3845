import { rgbToSamples } from '../color.ts';
import type { Bitmap } from './layer.ts';
import { greatest, ONE, type Patch, type SampleKind, type Spans, scaled } from './patch.ts';

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

function cellOf(alpha: Uint16Array, from: number, to: number): number {
  let [least, most] = [ONE, 0];
  for (let i = from; i < to; i++) {
    if (alpha[i]! < least) least = alpha[i]!;
    if (alpha[i]! > most) most = alpha[i]!;
  }
  return most === 0 ? TRANSPARENT : least === ONE ? OPAQUE : MIXED;
}
