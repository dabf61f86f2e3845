import type { View } from '../geometry.ts';
import type { Rect } from '../overlay/layout.ts';

/**
 * RGBA, 8 bit, alpha premultiplied, rows top to bottom without padding. Never changed once made: what shows something
 * else is another one, because uploads and conversions are kept by identity.
 */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** Drawn pixel by pixel, never scaled, so that text stays crisp. */
export interface BitmapLayer {
  kind: 'bitmap';
  bitmap: Bitmap;
  /** Of what is shown, whole px of the target; may lie outside it. */
  left: number;
  top: number;
  /** 0 to 1. */
  opacity: number;
  /** Part of the bitmap that is shown, whole px; what reaches beyond the bitmap shows nothing. Default: all of it. */
  from?: { left: number; top: number; width: number; height: number };
}

/** Another picture, turned upright and stretched bilinearly to its rectangle. */
export interface FrameLayer<Frame> {
  kind: 'frame';
  frame: Frame;
  view: View;
  /** Of the rectangle, whole px of the target; may reach outside it. */
  left: number;
  top: number;
  width: number;
  height: number;
  /** 0 to 1. */
  opacity: number;
}

/** One thing over a picture. */
export type CompositeLayer<Frame> = BitmapLayer | FrameLayer<Frame>;

/** Where a layer shows in a target. */
export interface Placement {
  /** What of the target it covers, px; never empty, inside the target. */
  shown: Rect;
  /** Where its first pixel lies, even when that one is not shown: target px = this + px of the bitmap or the rectangle. */
  left: number;
  top: number;
}

/** @param width, height of the target, px. @returns null for a layer of which nothing can be seen. */
export function placeLayer(layer: CompositeLayer<unknown>, width: number, height: number): Placement | null {
  const { left, top, size, window } = layer.kind === 'bitmap' ? bitmapArea(layer) : frameArea(layer);
  const shown = {
    left: Math.max(0, left, window.left),
    top: Math.max(0, top, window.top),
    right: Math.min(width, left + size.width, window.left + window.width),
    bottom: Math.min(height, top + size.height, window.top + window.height),
  };
  const seen = layer.opacity > 0 && shown.right > shown.left && shown.bottom > shown.top;
  return seen ? { shown, left, top } : null;
}

function bitmapArea({ bitmap, left, top, from = { left: 0, top: 0, ...sizeOf(bitmap) } }: BitmapLayer) {
  const window = { left, top, width: from.width, height: from.height };
  return { left: left - from.left, top: top - from.top, size: sizeOf(bitmap), window };
}

const frameArea = (layer: FrameLayer<unknown>) => ({
  left: layer.left,
  top: layer.top,
  size: sizeOf(layer),
  window: layer,
});

const sizeOf = ({ width, height }: { width: number; height: number }) => ({ width, height });
