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

/** Paints depth maps in colours over whole pictures, enlarged bilinearly. */
export class DepthColorCpu {
  #tables: Uint16Array[] = [];
  #tablesFor = '';
  #columns: Columns[] = [];
  #columnsFor = '';

  /** @param opacity 0 to 1; 1 leaves nothing of the picture. */
  draw(picture: Picture, depth: DepthShares, opacity: number): void {
    this.#prepare(picture, depth);
    for (let index = 0; index < 3; index++) {
      paintPlane(picture, index, depth, opacity, this.#tables[index]!, this.#columns[index]!);
    }
  }

  #prepare({ width, planes, color, bits }: Picture, depth: DepthShares): void {
    const kind = `${color.matrix} ${color.fullRange} ${bits}`;
    if (kind !== this.#tablesFor) {
      const m = rgbToSamples(color, bits);
      const max = 2 ** bits - 1;
      this.#tables = [0, 4, 8].map((row) =>
        Uint16Array.from({ length: STEPS + 1 }, (_, i) => {
          const [red, green, blue] = infernoAt(i / STEPS);
          const value = m[row]! * red + m[row + 1]! * green + m[row + 2]! * blue + m[row + 3]!;
          return Math.min(max, Math.max(0, Math.round(value)));
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

/** Colours of a table; finer than 8 bits of a sample can show. */
const STEPS = 1023;

/** For each sample of a row: the map's left neighbour, and the share of the right one. */
interface Columns {
  index: Uint32Array;
  share: Float32Array;
}

function columnsOf(width: number, sub: 0 | 1, mapWidth: number): Columns {
  const count = subsampled(width, sub);
  const columns = { index: new Uint32Array(count), share: new Float32Array(count) };
  for (let i = 0; i < count; i++) {
    const { index, share } = neighbours(i, sub, width, mapWidth);
    columns.index[i] = index;
    columns.share[i] = share;
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

function paintPlane(
  { width, height, planes }: Picture,
  which: number,
  depth: DepthShares,
  opacity: number,
  table: Uint16Array,
  columns: Columns,
): void {
  const { data, offset, stride, step, subX, subY }: Plane = planes[which]!;
  const across = subsampled(width, subX);
  const down = subsampled(height, subY);
  const row = new Float32Array(depth.width + 1);
  for (let y = 0; y < down; y++) {
    const { index, share } = neighbours(y, subY, height, depth.height);
    const upper = index * depth.width;
    const lower = Math.min(depth.height - 1, index + 1) * depth.width;
    for (let x = 0; x < depth.width; x++) {
      const above = depth.shares[upper + x]!;
      row[x] = (above + (depth.shares[lower + x]! - above) * share) * STEPS + 0.5;
    }
    row[depth.width] = row[depth.width - 1]!;
    let at = offset + y * stride;
    for (let x = 0; x < across; x++, at += step) {
      const left = columns.index[x]!;
      const value = table[(row[left]! + (row[left + 1]! - row[left]!) * columns.share[x]!) | 0]!;
      data[at] = opacity === 1 ? value : data[at]! + (value - data[at]!) * opacity + 0.5;
    }
  }
}
