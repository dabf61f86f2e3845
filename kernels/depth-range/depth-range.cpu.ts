import { type LetterboxGeometry, type LetterboxSpec, letterboxGeometry, type View } from '../geometry.ts';

/** A map of depth values, as a model gives it. */
export interface DepthMap {
  /** Row after row, px of the map. */
  values: Float32Array<ArrayBuffer>;
  width: number;
  height: number;
}

/** Whole px of a map: the part of it that shows the picture and not the letterbox's border. */
export interface DepthRect {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What a range is made of, in the model's own unit. */
export interface DepthPercentiles {
  min: number;
  p2: number;
  p50: number;
  p98: number;
  max: number;
}

/** The ends of the colours, in the model's own unit. */
export interface DepthRange {
  low: number;
  high: number;
}

/** @param map size of the map that stands for the whole input, px. */
export function depthRect(
  view: View,
  spec: LetterboxSpec,
  map: { width: number; height: number },
): DepthRect {
  const { left, top, width, height }: LetterboxGeometry = letterboxGeometry(view, spec);
  const [acrossX, downY] = [map.width / spec.width, map.height / spec.height];
  const span = (from: number, length: number, scale: number, limit: number) => {
    const start = Math.min(limit - 1, Math.ceil(from * scale));
    return [start, Math.max(1, Math.min(limit, Math.floor((from + length) * scale)) - start)] as const;
  };
  const [x, across] = span(left, width, acrossX, map.width);
  const [y, down] = span(top, height, downY, map.height);
  return { left: x, top: y, width: across, height: down };
}

/** The part of a map that shows the picture, as a map of its own. */
export function cropDepth({ values, width: stride }: DepthMap, rect: DepthRect): DepthMap {
  const { left, top, width, height } = rect;
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * stride + left;
    out.set(values.subarray(from, from + width), y * width);
  }
  return { values: out, width, height };
}

const PERCENTS = [0, 2, 50, 98, 100] as const;

/**
 * Exact percentiles (nearest rank, rounded down) of the finite values, by radix selection as the GPU does it: three
 * passes whatever the values, and no copy that is sorted.
 * @returns null when no value is finite.
 */
export function depthPercentilesCpu({ values }: DepthMap): DepthPercentiles | null {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (scratch.length < words.length) scratch = new Uint32Array(words.length);
  // Keys that stand in the values' order, of the finite ones; later of those in a bin that a percentile lies in.
  const keys = scratch;
  const first = new Uint32Array(BINS);
  let count = 0;
  for (let i = 0; i < words.length; i++) {
    const bits = words[i]!;
    if ((bits & 0x7f800000) === 0x7f800000) continue;
    const key = (bits >>> 31 ? ~bits : bits | 0x80000000) >>> 0;
    first[key >>> 21]!++;
    keys[count++] = key;
  }
  if (count === 0) return null;
  let picked = PERCENTS.map((percent) => pick(first, Math.floor(((count - 1) * percent) / 100)));

  // Percentiles that lie in one bin are counted once.
  const rowOf = new Int8Array(BINS).fill(-1);
  for (const { bin } of picked) rowOf[bin] = 0;
  let rows = 0;
  for (let bin = 0; bin < BINS; bin++) if (rowOf[bin] === 0) rowOf[bin] = rows++;
  const second = Array.from({ length: rows }, () => new Uint32Array(BINS));
  let near = 0;
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    const row = rowOf[key >>> 21]!;
    if (row < 0) continue;
    second[row]![(key >>> 10) & 2047]!++;
    keys[near++] = key;
  }
  picked = picked.map(({ bin, rank }) => {
    const found = pick(second[rowOf[bin]!]!, rank);
    return { bin: ((bin << 11) | found.bin) >>> 0, rank: found.rank };
  });

  const bins = [...new Set(picked.map(({ bin }) => bin))];
  const third = bins.map(() => new Uint32Array(BINS / 2));
  for (let i = 0; i < near; i++) {
    const key = keys[i]!;
    const row = bins.indexOf(key >>> 10);
    if (row >= 0) third[row]![key & 1023]!++;
  }
  const [min, p2, p50, p98, max] = picked.map(({ bin, rank }) =>
    floatOf(((bin << 10) | pick(third[bins.indexOf(bin)]!, rank).bin) >>> 0),
  );
  return { min: min!, p2: p2!, p50: p50!, p98: p98!, max: max! };
}

/** Kept between calls: the page faults of fresh memory take longer than the counting. */
let scratch = new Uint32Array(0);

const BINS = 2048;

/** The bin that holds the value of a rank, and its rank within. */
function pick(bins: Uint32Array, rank: number): { bin: number; rank: number } {
  let bin = 0;
  while (bin < bins.length - 1 && rank >= bins[bin]!) rank -= bins[bin++]!;
  return { bin, rank };
}

function floatOf(key: number): number {
  const word = Uint32Array.of(key >>> 31 ? key & 0x7fffffff : ~key);
  return new Float32Array(word.buffer)[0]!;
}

/**
 * The range that is shown after a new frame: a part of the way to the frame's own, so that colours do not flicker; all
 * of it at the first frame, and where an end moves by more than the whole range, which is another scene.
 * @param step 0 to 1; see {@link smoothingStep}.
 */
export function smoothRange(
  before: DepthRange | null,
  { p2, p98 }: DepthPercentiles,
  step: number,
): DepthRange {
  if (!before) return { low: p2, high: p98 };
  const span = before.high - before.low;
  if (Math.abs(p2 - before.low) > span || Math.abs(p98 - before.high) > span) return { low: p2, high: p98 };
  return { low: before.low + (p2 - before.low) * step, high: before.high + (p98 - before.high) * step };
}

/** Seconds in which the shown range comes two thirds of the way. */
const SMOOTHING_SECONDS = 0.5;

/** @param seconds between two inferred frames. */
export const smoothingStep = (seconds: number): number => 1 - Math.exp(-seconds / SMOOTHING_SECONDS);

/** Every value as a share of the range: 0 the farthest to 1 the nearest; what is not finite counts as far. */
export function depthSharesCpu(
  { values }: DepthMap,
  { low, high }: DepthRange,
  larger: 'nearer' | 'farther',
): Float32Array<ArrayBuffer> {
  const span = high - low;
  const shares = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    const share = span > 0 ? Math.min(1, Math.max(0, (value - low) / span)) : 0.5;
    shares[i] = larger === 'farther' ? 1 - share : share;
  }
  return shares;
}
