import type { ColorSpec } from './picture.ts';

/** Three rows of four: out[r] = m[4r]·a + m[4r+1]·b + m[4r+2]·c + m[4r+3]. */
export type Affine = Float64Array;

/** From a picture's samples (Y, U, V or R, G, B, at its bit depth) to R, G, B on the scale 0–255, unclamped. */
export function samplesToRgb(color: ColorSpec, bits: number): Affine {
  const { offset, span, chromaMid, chromaSpan } = levels(color, bits);
  const luma = 255 / span;
  if (color.matrix === 'rgb') {
    const bias = -offset * luma;
    return Float64Array.of(luma, 0, 0, bias, 0, luma, 0, bias, 0, 0, luma, bias);
  }
  const { kr, kb } = WEIGHTS[color.matrix];
  const kg = 1 - kr - kb;
  const chroma = 255 / chromaSpan;
  const rv = 2 * (1 - kr) * chroma;
  const bu = 2 * (1 - kb) * chroma;
  const gu = (-2 * kb * (1 - kb) * chroma) / kg;
  const gv = (-2 * kr * (1 - kr) * chroma) / kg;
  const row = (u: number, v: number) => [luma, u, v, -offset * luma - (u + v) * chromaMid];
  return Float64Array.from([...row(0, rv), ...row(gu, gv), ...row(bu, 0)]);
}

/** From R, G, B on the scale 0–255 to a picture's samples at its bit depth, unrounded and unclamped. */
export function rgbToSamples(color: ColorSpec, bits: number): Affine {
  const { offset, span, chromaMid, chromaSpan } = levels(color, bits);
  const luma = span / 255;
  if (color.matrix === 'rgb') {
    return Float64Array.of(luma, 0, 0, offset, 0, luma, 0, offset, 0, 0, luma, offset);
  }
  const { kr, kb } = WEIGHTS[color.matrix];
  const kg = 1 - kr - kb;
  const u = chromaSpan / 255 / (2 * (1 - kb));
  const v = chromaSpan / 255 / (2 * (1 - kr));
  return Float64Array.from([
    ...[kr * luma, kg * luma, kb * luma, offset],
    ...[-kr * u, -kg * u, (1 - kb) * u, chromaMid],
    ...[(1 - kr) * v, -kg * v, -kb * v, chromaMid],
  ]);
}

/** `after` applied to what `before` yields. */
export function compose(after: Affine, before: Affine): Affine {
  const out = new Float64Array(12);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = column === 3 ? after[4 * row + 3]! : 0;
      for (let k = 0; k < 3; k++) sum += after[4 * row + k]! * before[4 * k + column]!;
      out[4 * row + column] = sum;
    }
  }
  return out;
}

/** Luma weights of red and blue: BT.601-7 §2.5, BT.709-6 §3, BT.2020-2 table 4 (non-constant luminance). */
const WEIGHTS = {
  bt601: { kr: 0.299, kb: 0.114 },
  bt709: { kr: 0.2126, kb: 0.0722 },
  bt2020: { kr: 0.2627, kb: 0.0593 },
} as const;

/** Code values of black, of the span to white, of neutral chroma and of the span of chroma. */
function levels({ fullRange }: ColorSpec, bits: number) {
  const unit = 2 ** (bits - 8);
  const max = 2 ** bits - 1;
  const chromaMid = 128 * unit;
  return fullRange
    ? { offset: 0, span: max, chromaMid, chromaSpan: max }
    : { offset: 16 * unit, span: 219 * unit, chromaMid, chromaSpan: 224 * unit };
}
