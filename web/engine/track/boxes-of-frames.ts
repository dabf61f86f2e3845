import type { Detection } from '../../../protocol/index.ts';
import type { FrameInput, StreamSpec } from '../backend/backend.ts';
import { Following } from './following.ts';

/** The boxes of each frame of a stream. Called once for each frame, in their order. */
export type BoxesOfFrames = (
  input: FrameInput,
  /** What inference finds on this frame; null when it is not asked. */
  found: Promise<Detection[]> | null,
) => Promise<Detection[]> | null;

export function boxesOfFrames({
  detect,
  fps,
  boxes,
}: Pick<StreamSpec, 'detect' | 'fps' | 'boxes'>): BoxesOfFrames {
  switch (boxes) {
    case 'given':
      return ({ given }) => (given ? Promise.resolve(given) : null);
    case 'found':
      return (_input, found) => found;
    case 'held':
    case 'followed': {
      const following = detect && new Following(detect.options, boxes === 'followed' ? fps : null);
      return ({ view }, found) => following?.next(found, view) ?? null;
    }
  }
}
