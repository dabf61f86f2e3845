import type { OverlayStyle } from './style.ts';

/** Half open: left ≤ x < right, top ≤ y < bottom; px of the picture. May be empty. */
export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface BoxLayout {
  /** Top, bottom, left, right; they do not overlap one another. */
  edges: [Rect, Rect, Rect, Rect];
  /** Background of the label. */
  label: Rect;
  /** Top left of the first character's cell. */
  textX: number;
  textY: number;
  /** Characters that fit; the rest of the label is not drawn. */
  characters: number;
}

/**
 * Where a box and its label are painted: whole pixels only, and the same sums as `layout_box` in overlay.wgsl. The
 * lines lie inside the box; the label stands on its top edge, or inside the box where there is no room above.
 * @param box x, y, width, height in px of the picture; may reach beyond it.
 * @param length characters of the label.
 */
export function layoutBox(
  box: readonly [number, number, number, number],
  length: number,
  style: OverlayStyle,
  width: number,
  height: number,
): BoxLayout {
  const { thickness, cellWidth, cellHeight, padX, padY } = style;
  const left = clamp(round(box[0]), 0, width - 1);
  const top = clamp(round(box[1]), 0, height - 1);
  const right = clamp(round(box[0] + box[2]), left + 1, width);
  const bottom = clamp(round(box[1] + box[3]), top + 1, height);

  const innerTop = Math.min(top + thickness, bottom);
  const innerBottom = Math.max(bottom - thickness, innerTop);
  const innerLeft = Math.min(left + thickness, right);
  const innerRight = Math.max(right - thickness, innerLeft);

  const characters = Math.max(0, Math.min(length, Math.trunc((width - 2 * padX) / cellWidth)));
  const labelWidth = characters * cellWidth + 2 * padX;
  const labelHeight = cellHeight + 2 * padY;
  const labelLeft = Math.max(0, Math.min(left, width - labelWidth));
  const above = top - labelHeight;
  const labelTop = above >= 0 ? above : Math.max(0, Math.min(top, height - labelHeight));

  return {
    edges: [
      { left, top, right, bottom: innerTop },
      { left, top: innerBottom, right, bottom },
      { left, top: innerTop, right: innerLeft, bottom: innerBottom },
      { left: innerRight, top: innerTop, right, bottom: innerBottom },
    ],
    label: {
      left: labelLeft,
      top: labelTop,
      right: Math.min(width, labelLeft + labelWidth),
      bottom: Math.min(height, labelTop + labelHeight),
    },
    textX: labelLeft + padX,
    textY: labelTop + padY,
    characters,
  };
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, high));

/** Halves up, as the shader's floor(x + 0.5) does. */
const round = (value: number): number => Math.floor(value + 0.5);
