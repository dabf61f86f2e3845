import type { DepthMap } from '../../kernels/index.ts';

export interface DepthError {
  /** Mean of |found − true| / true, in metres. */
  absRel: number;
  /** Share of px with max(found / true, true / found) < 1.25. */
  delta: number;
}

/** Beyond this a street is sky and haze, m; as KITTI's evaluations have it. */
const FARTHEST = 80;

/**
 * Error of relative inverse depth, after the scale and the shift that fit it best to the truth (least squares in
 * inverse depth, Ranftl et al. 2020), over px nearer than 80 m; what is put farther counts as 80 m.
 * @param found larger is nearer. @param truth 1/m, of the same px.
 */
export function depthError(found: DepthMap, truth: ArrayLike<number>): DepthError {
  let [n, x, y, xx, xy] = [0, 0, 0, 0, 0];
  const { values } = found;
  for (let i = 0; i < values.length; i++) {
    const [a, b] = [values[i]!, truth[i]!];
    if (b < 1 / FARTHEST) continue;
    n++;
    x += a;
    y += b;
    xx += a * a;
    xy += a * b;
  }
  const spread = n * xx - x * x;
  const scale = spread > 0 ? (n * xy - x * y) / spread : 0;
  const shift = (y - scale * x) / n;
  let [error, within] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const inverse = truth[i]!;
    if (inverse < 1 / FARTHEST) continue;
    // Metres are one over it: |1/a − 1/b| · b.
    const fitted = Math.max(1 / FARTHEST, scale * values[i]! + shift);
    error += Math.abs(inverse / fitted - 1);
    if (Math.max(fitted / inverse, inverse / fitted) < 1.25) within++;
  }
  return { absRel: error / n, delta: within / n };
}

/** The px of a picture that lie under the middles of a smaller map's. */
export function sampleUnder(
  picture: { values: ArrayLike<number>; width: number; height: number },
  width: number,
  height: number,
): Float32Array {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * picture.height) / height) * picture.width;
    for (let x = 0; x < width; x++)
      out[y * width + x] = picture.values[row + Math.floor(((x + 0.5) * picture.width) / width)]!;
  }
  return out;
}

export const meanError = (errors: readonly DepthError[]): DepthError => ({
  absRel: errors.reduce((sum, { absRel }) => sum + absRel, 0) / errors.length,
  delta: errors.reduce((sum, { delta }) => sum + delta, 0) / errors.length,
});
