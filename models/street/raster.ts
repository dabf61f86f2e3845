import { CLEAR, type Surface } from './surface.ts';

/** A flat convex polygon in camera space: metres, x to the right, y up, z away. */
export interface Face {
  /** x, y, z of each corner, in order around the face. */
  points: readonly number[];
  /** u, v of each corner. */
  uv: readonly number[];
  surface: Surface;
  /** Light that falls on it: 1 leaves colours as they are. */
  light: number;
  /** What it is part of: 0 for the scenery, else the number of an object in this frame. */
  object: number;
  /** Darkens what it lies on instead of covering it. */
  shadow?: boolean;
}

/** What was drawn of an object, hidden or not. */
export interface Coverage {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
  /** Pixels that it would fill alone. */
  pixels: number;
}

const NEAR = 0.15;
const SHADOW = 0.52;

/** Draws faces into colour, inverse depth and object buffers, each `width × height`. */
export class Raster {
  readonly width: number;
  readonly height: number;
  /** RGB, 3 bytes a pixel. */
  readonly color: Uint8ClampedArray<ArrayBuffer>;
  /** 1/m; 0 where nothing was drawn. */
  readonly inverseDepth: Float32Array<ArrayBuffer>;
  readonly object: Uint16Array<ArrayBuffer>;
  readonly #focal: number;
  /** The object that last touched a pixel, seen or not. */
  readonly #touched: Uint16Array<ArrayBuffer>;
  #coverage = new Map<number, Coverage>();
  #haze = 0;
  #hazeColor = [0, 0, 0];

  /** @param focal focal length, px. */
  constructor(width: number, height: number, focal: number) {
    this.width = width;
    this.height = height;
    this.#focal = focal;
    this.color = new Uint8ClampedArray(width * height * 3);
    this.inverseDepth = new Float32Array(width * height);
    this.object = new Uint16Array(width * height);
    this.#touched = new Uint16Array(width * height);
  }

  /** @param haze share of the haze at 100 m, 0–1. */
  clear(haze: number, hazeColor: number): void {
    this.inverseDepth.fill(0);
    this.object.fill(0);
    this.#touched.fill(0);
    this.#coverage.clear();
    this.#haze = haze / (1 - haze) / 100;
    this.#hazeColor = [(hazeColor >> 16) & 255, (hazeColor >> 8) & 255, hazeColor & 255];
  }

  coverageOf(object: number): Coverage | null {
    return this.#coverage.get(object) ?? null;
  }

  draw(face: Face): void {
    const clipped = clipNear(face);
    if (clipped.length < 3) return;
    const { width, height } = this;
    const focal = this.#focal;
    // Screen x, y and 1/z, u/z, v/z, which are linear over the screen.
    const corners = clipped.map(([x, y, z, u, v]) => [
      width / 2 + (focal * x) / z,
      height / 2 - (focal * y) / z,
      1 / z,
      u / z,
      v / z,
    ]) as Corner[];
    let top = Number.POSITIVE_INFINITY;
    let bottom = Number.NEGATIVE_INFINITY;
    for (const [, y] of corners) {
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    const planes = gradients(corners);
    if (!planes) return;
    const first = Math.max(0, Math.ceil(top - 0.5));
    const last = Math.min(height - 1, Math.ceil(bottom - 0.5) - 1);
    for (let row = first; row <= last; row++) {
      const y = row + 0.5;
      let left = Number.POSITIVE_INFINITY;
      let right = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < corners.length; i++) {
        const a = corners[i]!;
        const b = corners[(i + 1) % corners.length]!;
        if (a[1] <= y === b[1] <= y) continue;
        const x = a[0] + ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1]);
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
      const from = Math.max(0, Math.ceil(left - 0.5));
      // Half open, so that of two faces side by side one has the pixels between them.
      const to = Math.min(width - 1, Math.ceil(right - 0.5) - 1);
      if (from <= to) this.#span(face, planes, row, from, to);
    }
  }

  #span(face: Face, [z, u, v]: Planes, row: number, from: number, to: number): void {
    const { surface, light, object, shadow } = face;
    const { color, inverseDepth } = this;
    const [hazeR, hazeG, hazeB] = this.#hazeColor as [number, number, number];
    const touched = this.#touched;
    const y = row + 0.5;
    let coverage = object ? this.#coverage.get(object) : undefined;
    for (let column = from; column <= to; column++) {
      const x = column + 0.5;
      const inverse = z.at0 + z.dx * x + z.dy * y;
      const pixel = row * this.width + column;
      const hidden = inverse <= inverseDepth[pixel]! * (shadow ? 0.98 : 1);
      if (hidden && (object === 0 || touched[pixel] === object)) continue;
      const distance = 1 / inverse;
      const shade = surface(
        (u.at0 + u.dx * x + u.dy * y) * distance,
        (v.at0 + v.dx * x + v.dy * y) * distance,
        distance,
      );
      if (shade === CLEAR) continue;
      if (object && touched[pixel] !== object) {
        touched[pixel] = object;
        if (!coverage) {
          coverage = { minX: column, minY: row, maxX: column, maxY: row, pixels: 0 };
          this.#coverage.set(object, coverage);
        }
        coverage.pixels++;
        if (column < coverage.minX) coverage.minX = column;
        if (column > coverage.maxX) coverage.maxX = column;
        if (row < coverage.minY) coverage.minY = row;
        if (row > coverage.maxY) coverage.maxY = row;
      }
      if (hidden) continue;
      const at = pixel * 3;
      if (shadow) {
        color[at]! *= SHADOW;
        color[at + 1]! *= SHADOW;
        color[at + 2]! *= SHADOW;
        continue;
      }
      const haze = (distance * this.#haze) / (1 + distance * this.#haze);
      const lit = light * (1 - haze);
      color[at] = ((shade >> 16) & 255) * lit + hazeR * haze;
      color[at + 1] = ((shade >> 8) & 255) * lit + hazeG * haze;
      color[at + 2] = (shade & 255) * lit + hazeB * haze;
      inverseDepth[pixel] = inverse;
      this.object[pixel] = object;
    }
  }
}

type Corner = [number, number, number, number, number];

/** A value that is linear over the screen. */
interface Plane {
  at0: number;
  dx: number;
  dy: number;
}
type Planes = [Plane, Plane, Plane];

/** Null for a face seen edge on. */
function gradients(corners: Corner[]): Planes | null {
  const a = corners[0]!;
  // The widest triangle of the fan: a thin one would magnify rounding.
  let best = 0;
  let b = a;
  let c = a;
  for (let i = 1; i + 1 < corners.length; i++) {
    const p = corners[i]!;
    const q = corners[i + 1]!;
    const area = (p[0] - a[0]) * (q[1] - a[1]) - (q[0] - a[0]) * (p[1] - a[1]);
    if (Math.abs(area) > Math.abs(best)) {
      best = area;
      b = p;
      c = q;
    }
  }
  if (Math.abs(best) < 1e-6) return null;
  const plane = (k: 2 | 3 | 4): Plane => {
    const db = b[k] - a[k];
    const dc = c[k] - a[k];
    const dx = (db * (c[1] - a[1]) - dc * (b[1] - a[1])) / best;
    const dy = (dc * (b[0] - a[0]) - db * (c[0] - a[0])) / best;
    return { dx, dy, at0: a[k] - dx * a[0] - dy * a[1] };
  };
  return [plane(2), plane(3), plane(4)];
}

/** The part of a face in front of the camera, as x, y, z, u, v. */
function clipNear({ points, uv }: Face): Corner[] {
  const count = points.length / 3;
  const kept: Corner[] = [];
  const corner = (i: number): Corner => [
    points[i * 3]!,
    points[i * 3 + 1]!,
    points[i * 3 + 2]!,
    uv[i * 2]!,
    uv[i * 2 + 1]!,
  ];
  for (let i = 0; i < count; i++) {
    const a = corner(i);
    const b = corner((i + 1) % count);
    if (a[2] >= NEAR) kept.push(a);
    if (a[2] >= NEAR !== b[2] >= NEAR) {
      const t = (NEAR - a[2]) / (b[2] - a[2]);
      kept.push(a.map((value, k) => value + (b[k]! - value) * t) as Corner);
    }
  }
  return kept;
}
