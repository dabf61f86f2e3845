import { orientedAxes } from './geometry.ts';
import { type Orientation, type Picture, type Plane, subsampled } from './picture.ts';

/** For each column (or row) of the result: the two samples to mix, as offsets into a plane, and the second's share. */
export interface Axis {
  first: Int32Array;
  second: Int32Array;
  weight: Float64Array;
}

/**
 * How one plane of a picture is turned upright and scaled to `size`, px: bilinear with half-pixel centres
 * (`cv2.resize` INTER_LINEAR, a linear sampler with clamp-to-edge), no antialiasing. Subsampled planes are read as
 * smaller pictures with centred samples.
 *
 * An orientation only exchanges and reverses axes, so the offset of a sample is always (something of the column) +
 * (something of the row): one inner loop serves all eight orientations and every plane layout.
 */
export function planeAxes(
  picture: Picture,
  plane: Plane,
  orientation: Orientation,
  size: { width: number; height: number },
): { x: Axis; y: Axis } {
  const { swap, mirrorX, mirrorY } = orientedAxes(orientation);
  const across = { size: picture.width, sub: plane.subX, step: plane.step };
  const down = { size: picture.height, sub: plane.subY, step: plane.stride };
  return {
    x: buildAxis(size.width, swap ? down : across, mirrorX),
    y: buildAxis(size.height, swap ? across : down, mirrorY),
  };
}

function buildAxis(
  count: number,
  source: { size: number; sub: 0 | 1; step: number },
  mirrored: boolean,
): Axis {
  const first = new Int32Array(count);
  const second = new Int32Array(count);
  const weight = new Float64Array(count);
  const last = subsampled(source.size, source.sub) - 1;
  for (let i = 0; i < count; i++) {
    const along = ((mirrored ? count - 1 - i : i) + 0.5) / count;
    const position = Math.min(last, Math.max(0, (along * source.size) / (1 << source.sub) - 0.5));
    const before = Math.floor(position);
    first[i] = before * source.step;
    second[i] = Math.min(last, before + 1) * source.step;
    weight[i] = position - before;
  }
  return { first, second, weight };
}
