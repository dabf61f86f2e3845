import type { LetterboxSpec } from '../../../kernels/index.ts';
import type { StreamSpec } from './backend.ts';

/** The distinct pictures that a stream's models want, and which model wants which. */
export interface Letterboxes {
  specs: LetterboxSpec[];
  /** Index among the specs; null for a stage that is not asked for. */
  detect: number | null;
  depth: number | null;
}

/** Models that want the very same picture share one letterbox pass. */
export function letterboxesOf({ detect, depth }: Pick<StreamSpec, 'detect' | 'depth'>): Letterboxes {
  const specs: LetterboxSpec[] = [];
  const place = (spec: LetterboxSpec): number => {
    const known = specs.findIndex((other) => isSame(other, spec));
    return known >= 0 ? known : specs.push(spec) - 1;
  };
  return {
    detect: detect && place(detect.model.descriptor.input.letterbox),
    depth: depth && place(depth.model.descriptor.input.letterbox),
    specs,
  };
}

const isSame = (a: LetterboxSpec, b: LetterboxSpec): boolean =>
  a.width === b.width &&
  a.height === b.height &&
  a.placement === b.placement &&
  a.pad === b.pad &&
  a.order === b.order &&
  a.mean.every((value, i) => value === b.mean[i]) &&
  a.scale.every((value, i) => value === b.scale[i]);
