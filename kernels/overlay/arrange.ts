import { DEPTH_OVER_PICTURE } from '../depth-color/depth-color.cpu.ts';

/** Where depth is shown: over the picture, to its right, or in its place. */
export type DepthLayout = 'overlay' | 'side-by-side' | 'depth';

/** How picture and depth share a target, px. The picture, and the boxes, lie at its top left. */
export interface Arrangement {
  /** Of the target. */
  width: number;
  height: number;
  showsPicture: boolean;
  /** Null where no depth is shown. */
  depth: { left: number; opacity: number } | null;
}

/** @param width, height of the picture, upright. @param layout null without depth. */
export function arrange(layout: DepthLayout | null, width: number, height: number): Arrangement {
  switch (layout) {
    case null:
      return { width, height, showsPicture: true, depth: null };
    case 'overlay':
      return { width, height, showsPicture: true, depth: { left: 0, opacity: DEPTH_OVER_PICTURE } };
    case 'depth':
      return { width, height, showsPicture: false, depth: { left: 0, opacity: 1 } };
    case 'side-by-side': {
      // Even, so that both halves begin on a whole sample of chroma.
      const half = width + (width % 2);
      return { width: 2 * half, height, showsPicture: true, depth: { left: half, opacity: 1 } };
    }
  }
}
