import { rgbToSamples } from '../color.ts';
import { type Picture, type Plane, subsampled } from '../picture.ts';
import { infernoAt } from './inferno.ts';

/** What is painted: shares of the range, 0 far to 1 near, row after row (`depthSharesCpu`). */
export interface DepthShares {
  shares: Float32Array;
  width: number;
  height: number;
}

/** Colour of the map where it lies over the picture, as a share of what is seen. */
export const DEPTH_OVER_PICTURE = 0.55;

/** Paints depth maps in colours over whole pictures, enlarged bilinearly; in whole numbers, with 8 bits of fraction. */
export class DepthColorCpu {
  #tables: Int32Array[] = [];
  #tablesFor = '';
  #columns: Columns[] = [];
  #columnsFor = '';

  /** @param opacity 0 to 1; 1 leaves nothing of the picture. */
  draw(picture: Picture, depth: DepthShares, opacity: number): void {
    const over = Math.round(opacity * ONE);
    this.#prepare(picture, depth, over);
    for (let index = 0; index < 3; index++) {
      paintPlane(picture, index, depth, ONE - over, this.#tables[index]!, this.#columns[index]!);
    }
  }

  #prepare({ width, planes, color, bits }: Picture, depth: DepthShares, over: number): void {
    const kind = `${color.matrix} ${color.fullRange} ${bits} ${over}`;
    if (kind !== this.#tablesFor) {
      const m = rgbToSamples(color, bits);
      const max = 2 ** bits - 1;
      this.#tables = [0, 4, 8].map((row) =>
        Int32Array.from({ length: STEPS + 1 }, (_, i) => {
          const [red, green, blue] = infernoAt(i / STEPS);
          const value = m[row]! * red + m[row + 1]! * green + m[row + 2]! * blue + m[row + 3]!;
          return Math.min(max, Math.max(0, Math.round(value))) * over + ONE / 2;
        }),
      );
      this.#tablesFor = kind;
    }
    const shape = `${width} ${depth.width} ${planes.map(({ subX }) => subX)}`;
    if (shape !== this.#columnsFor) {
      this.#columns = planes.map(({ subX }) => columnsOf(width, subX, depth.width));
      this.#columnsFor = shape;
    }
  }
}

/** 1 as a whole number with 8 bits of fraction. */
const ONE = 256;

/** Colours of a table; finer than 8 bits of a sample can show. */
const STEPS = 1023;

/** For each sample of a row: the map's left neighbour, and the share of the right one, 0 to {@link ONE}. */
interface Columns {
  index: Int32Array;
  share: Int32Array;
}

function columnsOf(width: number, sub: 0 | 1, mapWidth: number): Columns {
  const count = subsampled(width, sub);
  const columns = { index: new Int32Array(count), share: new Int32Array(count) };
  for (let i = 0; i < count; i++) {
    const { index, share } = neighbours(i, sub, width, mapWidth);
    columns.index[i] = index;
    columns.share[i] = Math.round(share * ONE);
  }
  return columns;
}

/** Where the middle of a sample lies among the middles of the map's px, clamped at its edges. */
function neighbours(i: number, sub: 0 | 1, size: number, mapSize: number): { index: number; share: number } {
  const middle = sub ? Math.min(size, 2 * i + 1) : i + 0.5;
  const place = Math.min(mapSize - 1, Math.max(0, (middle / size) * mapSize - 0.5));
  const index = Math.min(Math.max(0, mapSize - 2), Math.floor(place));
  return { index, share: mapSize === 1 ? 0 : place - index };
}

/** @param under what stays of the picture, 0 to {@link ONE}. @param table colours, times the rest, plus a half. */
function paintPlane(
  { width, height, planes }: Picture,
  which: number,
  { shares, width: mapWidth, height: mapHeight }: DepthShares,
  under: number,
  table: Int32Array,
  { index: left, share: right }: Columns,
): void {
  const { data, offset, stride, step, subX, subY }: Plane = planes[which]!;
  const across = subsampled(width, subX);
  const down = subsampled(height, subY);
  const row = new Int32Array(mapWidth + 1);
  for (let y = 0; y < down; y++) {
    const { index, share } = neighbours(y, subY, height, mapHeight);
    const upper = index * mapWidth;
    const lower = Math.min(mapHeight - 1, index + 1) * mapWidth;
    for (let x = 0; x < mapWidth; x++) {
      const above = shares[upper + x]!;
      row[x] = (above + (shares[lower + x]! - above) * share) * (STEPS * ONE) + ONE / 2;
    }
    row[mapWidth] = row[mapWidth - 1]!;
    let at = offset + y * stride;
    for (let x = 0; x < across; x++, at += step) {
      const place = left[x]!;
      const low = row[place]!;
      const entry = (low + (((row[place + 1]! - low) * right[x]!) >> 8)) >> 8;
      data[at] = (data[at]! * under + table[entry]!) >> 8;
    }
  }
}
