import { type Axis, planeAxes } from '../bilinear.ts';
import { samplesToRgb } from '../color.ts';
import { type LetterboxGeometry, type LetterboxSpec, letterboxGeometry, type View } from '../geometry.ts';
import type { Picture } from '../picture.ts';

/**
 * Letterbox, turn, convert to RGB and normalise in one pass from the planes of any picture, bilinearly (bilinear.ts).
 * Tables are kept between frames of one size and view.
 */
export class LetterboxCpu {
  readonly spec: LetterboxSpec;
  #key = '';
  #tables: Tables | undefined;

  constructor(spec: LetterboxSpec) {
    this.spec = spec;
  }

  /**
   * @param out Float32 [1, 3, spec.height, spec.width]; every element is written.
   * @throws {RangeError} when `out` is not that long.
   */
  run(picture: Picture, view: View, out: Float32Array): void {
    const { spec } = this;
    if (out.length !== 3 * spec.width * spec.height) {
      throw new RangeError(`letterbox wants 3·${spec.height}·${spec.width} values, got ${out.length}`);
    }
    const key = keyOf(picture, view);
    if (key !== this.#key || !this.#tables) {
      this.#tables = buildTables(picture, view, spec);
      this.#key = key;
    }
    fillBorder(this.#tables.geometry, spec, out);
    resample(picture, this.#tables, spec, out);
  }
}

/** One-off {@link LetterboxCpu}. */
export function letterboxCpu(picture: Picture, view: View, spec: LetterboxSpec, out: Float32Array): void {
  new LetterboxCpu(spec).run(picture, view, out);
}

interface Tables {
  geometry: LetterboxGeometry;
  luma: { x: Axis; y: Axis };
  chroma: { x: Axis; y: Axis };
  /** Samples to output channels in the model's order, 0–255. */
  matrix: Float64Array;
}

function keyOf({ width, height, bits, color, planes }: Picture, view: View): string {
  const layout = planes.map((plane) => `${plane.stride},${plane.step},${plane.subX}${plane.subY}`);
  const { rotation, flip } = view.orientation;
  return [
    ...[width, height, bits, color.matrix, color.fullRange, ...layout],
    ...[view.displayWidth, view.displayHeight, rotation, flip],
  ].join(' ');
}

function buildTables(picture: Picture, view: View, spec: LetterboxSpec): Tables {
  const geometry = letterboxGeometry(view, spec);
  const [y, u] = picture.planes;
  const rgb = samplesToRgb(picture.color, picture.bits);
  const rows = spec.order === 'rgb' ? [0, 1, 2] : [2, 1, 0];
  const matrix = Float64Array.from(rows.flatMap((row) => [...rgb.subarray(4 * row, 4 * row + 4)]));
  return {
    geometry,
    luma: planeAxes(picture, y, view.orientation, geometry),
    chroma: planeAxes(picture, u, view.orientation, geometry),
    matrix,
  };
}

function fillBorder(
  { width, height, left, top }: LetterboxGeometry,
  spec: LetterboxSpec,
  out: Float32Array,
): void {
  const area = spec.width * spec.height;
  for (let channel = 0; channel < 3; channel++) {
    const value = (spec.pad - spec.mean[channel]!) * spec.scale[channel]!;
    const start = channel * area;
    out.fill(value, start, start + top * spec.width);
    out.fill(value, start + (top + height) * spec.width, start + area);
    if (width === spec.width) continue;
    for (let row = top; row < top + height; row++) {
      const at = start + row * spec.width;
      out.fill(value, at, at + left);
      out.fill(value, at + left + width, at + spec.width);
    }
  }
}

/** The hot loop: no calls, no allocation, every table and constant in a local. */
function resample(picture: Picture, tables: Tables, spec: LetterboxSpec, out: Float32Array): void {
  const { geometry, luma, chroma, matrix } = tables;
  const [planeY, planeU, planeV] = picture.planes;
  const dataY = planeY.data;
  const dataU = planeU.data;
  const dataV = planeV.data;
  const { first: lumaX0, second: lumaX1, weight: lumaWx } = luma.x;
  const { first: chromaX0, second: chromaX1, weight: chromaWx } = chroma.x;
  const m = matrix;
  const [m00, m01, m02, m03] = [m[0]!, m[1]!, m[2]!, m[3]!];
  const [m10, m11, m12, m13] = [m[4]!, m[5]!, m[6]!, m[7]!];
  const [m20, m21, m22, m23] = [m[8]!, m[9]!, m[10]!, m[11]!];
  const [scale0, scale1, scale2] = spec.scale;
  const bias0 = -spec.mean[0] * scale0;
  const bias1 = -spec.mean[1] * scale1;
  const bias2 = -spec.mean[2] * scale2;
  const area = spec.width * spec.height;
  const columns = geometry.width;

  for (let row = 0; row < geometry.height; row++) {
    const y0 = planeY.offset + luma.y.first[row]!;
    const y1 = planeY.offset + luma.y.second[row]!;
    const yw = luma.y.weight[row]!;
    const u0 = planeU.offset + chroma.y.first[row]!;
    const u1 = planeU.offset + chroma.y.second[row]!;
    const v0 = planeV.offset + chroma.y.first[row]!;
    const v1 = planeV.offset + chroma.y.second[row]!;
    const cw = chroma.y.weight[row]!;
    let at = (geometry.top + row) * spec.width + geometry.left;

    for (let column = 0; column < columns; column++, at++) {
      let x0 = lumaX0[column]!;
      let x1 = lumaX1[column]!;
      let wx = lumaWx[column]!;
      let above = dataY[y0 + x0]!;
      let below = dataY[y1 + x0]!;
      above += (dataY[y0 + x1]! - above) * wx;
      below += (dataY[y1 + x1]! - below) * wx;
      const y = above + (below - above) * yw;

      x0 = chromaX0[column]!;
      x1 = chromaX1[column]!;
      wx = chromaWx[column]!;
      above = dataU[u0 + x0]!;
      below = dataU[u1 + x0]!;
      above += (dataU[u0 + x1]! - above) * wx;
      below += (dataU[u1 + x1]! - below) * wx;
      const u = above + (below - above) * cw;
      above = dataV[v0 + x0]!;
      below = dataV[v1 + x0]!;
      above += (dataV[v0 + x1]! - above) * wx;
      below += (dataV[v1 + x1]! - below) * wx;
      const v = above + (below - above) * cw;

      const red = m00 * y + m01 * u + m02 * v + m03;
      const green = m10 * y + m11 * u + m12 * v + m13;
      const blue = m20 * y + m21 * u + m22 * v + m23;
      // Not `Math.min` and `Math.max`: what they owe to NaN and −0 costs a tenth of the loop.
      out[at] = (red < 0 ? 0 : red > 255 ? 255 : red) * scale0 + bias0;
      out[at + area] = (green < 0 ? 0 : green > 255 ? 255 : green) * scale1 + bias1;
      out[at + 2 * area] = (blue < 0 ? 0 : blue > 255 ? 255 : blue) * scale2 + bias2;
    }
  }
}
