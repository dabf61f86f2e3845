import { depthPercentilesCpu } from '../../../../kernels/index.ts';
import type { DepthHead } from '../../../../models/adapters/depth.ts';
import type { Detection } from '../../../../protocol/index.ts';
import type { ShownDepth } from '../../../engine/depth/held-depth.ts';

/** Eight boxes over a picture, as a busy frame has them. */
export const someDetections = (width: number, height: number): Detection[] =>
  Array.from({ length: 8 }, (_, i) => ({
    class: 'person',
    id: i,
    score: 0.9,
    box: [30 * i, 20 * i, width / 3, height / 3],
    track: i + 1,
  }));

let ramp: ShownDepth | null = null;

/** A ramp from far to near; another object at each call. */
export function someMap({ width, height }: DepthHead): ShownDepth {
  if (ramp?.map.width !== width || ramp.map.height !== height) {
    const map = {
      width,
      height,
      values: new Float32Array(width * height).map((_, i) => i / (width * height)),
    };
    ramp = { map, percentiles: depthPercentilesCpu(map), range: { low: 0.02, high: 0.98 } };
  }
  return { ...ramp };
}
