import type { CompositeLayer, View } from '../../../kernels/index.ts';
import type { BannerLayer, Corner } from '../../../protocol/index.ts';
import { type BannerSize, scaleOf } from './bitmaps.ts';

/** One piece of a banner in a picture. */
export type Layer = CompositeLayer<VideoFrame>;

/** px at 720 lines: from the edges, and between layers in one corner. */
const MARGIN = 36;
const GAP = 14;
/** Share of the picture's height that a second picture takes at most: the corner above or below is another layer's. */
const MOST_OF_HEIGHT = 0.6;

/** Where layers go that share the picture: those of one corner one after the other. */
export class Places {
  readonly #size: BannerSize;
  readonly #taken: Record<Corner, number>;
  readonly #margin: number;
  readonly #gap: number;

  constructor(size: BannerSize, tickers: { top: number; bottom: number }) {
    const s = scaleOf(size);
    this.#size = size;
    this.#margin = Math.round(MARGIN * s);
    this.#gap = Math.round(GAP * s);
    const { top, bottom } = tickers;
    this.#taken = { 'top-left': top, 'top-right': top, 'bottom-left': bottom, 'bottom-right': bottom };
  }

  corner(corner: Corner, { width, height }: BannerSize): { left: number; top: number } {
    const before = this.#taken[corner];
    this.#taken[corner] = before + height + this.#gap;
    const away = this.#margin + before;
    return {
      left: sideOf(corner) === 'left' ? this.#margin : this.#size.width - this.#margin - width,
      top: corner.startsWith('top') ? away : this.#size.height - away - height,
    };
  }

  /** At the edge of the picture, on a lower corner's place. */
  lowerThird(side: 'left' | 'right', size: BannerSize): { left: number; top: number } {
    const { top } = this.corner(side === 'left' ? 'bottom-left' : 'bottom-right', size);
    return { left: side === 'left' ? 0 : this.#size.width - size.width, top };
  }
}

/**
 * As wide as is asked, or less where it were too high then.
 * @param wide share of the picture's width.
 */
export function insetSize(
  wide: number,
  { displayWidth, displayHeight }: View,
  picture: BannerSize,
): BannerSize {
  const scale = Math.min(
    (wide * picture.width) / displayWidth,
    (MOST_OF_HEIGHT * picture.height) / displayHeight,
  );
  return {
    width: Math.max(1, Math.round(displayWidth * scale)),
    height: Math.max(1, Math.round(displayHeight * scale)),
  };
}

export const sideOf = (corner: Corner): 'left' | 'right' => (corner.endsWith('left') ? 'left' : 'right');

/** On its way in or out. @param wide of all that moves together, px */
export function moved(
  part: Layer,
  { animation }: BannerLayer,
  progress: number,
  side: 'left' | 'right',
  size: BannerSize,
  wide?: number,
): Layer {
  if (animation === 'fade') return { ...part, opacity: part.opacity * progress };
  if (animation === 'none' || progress === 1) return part;
  const width = wide ?? (part.kind === 'bitmap' ? part.bitmap.width : part.width);
  const way = Math.round((1 - progress) * (width + MARGIN * scaleOf(size)));
  return { ...part, left: part.left + (side === 'left' ? -way : way) };
}
