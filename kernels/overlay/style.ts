import { cellWidthOf } from './atlas.ts';

/** Sizes of the drawing in px of the picture. All whole numbers. */
export interface OverlayStyle {
  /** Thickness of a box's lines; even, so that lines fall on whole chroma samples where the box does. */
  thickness: number;
  /** One character of a label. */
  cellWidth: number;
  cellHeight: number;
  /** Room between a label's text and the edge of its background. */
  padX: number;
  padY: number;
}

/** Sizes that look the same at every resolution: about 1/270 of the short side for lines, 1/36 of the height for text. */
export function overlayStyle(width: number, height: number): OverlayStyle {
  const cellHeight = Math.min(48, Math.max(12, Math.round(height / 36)));
  return {
    thickness: 2 * Math.round(Math.max(2, Math.round(Math.min(width, height) / 270)) / 2),
    cellWidth: cellWidthOf(cellHeight),
    cellHeight,
    padX: Math.max(2, Math.round(cellHeight / 5)),
    padY: Math.max(1, Math.round(cellHeight / 12)),
  };
}

export type Rgb = [red: number, green: number, blue: number];

/** 0–255. Neighbouring ids differ strongly; colours repeat after {@link CLASS_COLORS}' length. */
export const classColor = (id: number): Rgb => CLASS_COLORS[id % CLASS_COLORS.length]!;

/** Black or white, whichever stands out more from the background (Rec. 709 luma against its middle). */
export function textColor([red, green, blue]: Rgb): Rgb {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127 ? [0, 0, 0] : [255, 255, 255];
}

/** Saturated and light enough to be seen on dark and bright scenes alike. */
export const CLASS_COLORS: readonly Rgb[] = [
  [0, 214, 95],
  [255, 152, 0],
  [41, 121, 255],
  [255, 64, 129],
  [255, 235, 59],
  [0, 229, 255],
  [213, 0, 249],
  [255, 61, 0],
  [118, 255, 3],
  [124, 77, 255],
  [29, 233, 182],
  [255, 171, 145],
  [244, 67, 54],
  [128, 216, 255],
  [205, 220, 57],
  [240, 98, 146],
  [0, 150, 136],
  [255, 213, 79],
  [149, 117, 205],
  [174, 213, 129],
  [216, 67, 21],
  [77, 182, 172],
  [186, 104, 200],
  [3, 169, 244],
];
