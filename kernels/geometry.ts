import type { Orientation } from './picture.ts';

/** Where a letterboxed picture lies in the model's input: `ratio` is model px per displayed px; the rest model px. */
export interface LetterboxGeometry {
  ratio: number;
  width: number;
  height: number;
  left: number;
  top: number;
}

/** How a model wants its input picture. */
export interface LetterboxSpec {
  /** Model input, px. */
  width: number;
  height: number;
  /** Where the content lies: YOLOX puts it at the top left, Ultralytics' models in the middle. */
  placement: 'top-left' | 'center';
  /** Grey of the border, 0–255; normalised like a sample. */
  pad: number;
  order: 'rgb' | 'bgr';
  /** value = (sample − mean[c]) · scale[c], samples 0–255, c in `order`. */
  mean: [number, number, number];
  scale: [number, number, number];
}

/** How a stored picture is shown: its size after pixel aspect and rotation, px, and how it is turned. */
export interface View {
  displayWidth: number;
  displayHeight: number;
  orientation: Orientation;
}

/**
 * Fits the displayed picture into the model's input. The rounding is each family's own, because half a pixel here is
 * half a pixel in every box: YOLOX truncates (`preproc`), Ultralytics rounds (`LetterBox`, its −0.1 included).
 */
export function letterboxGeometry(view: View, spec: LetterboxSpec): LetterboxGeometry {
  const ratio = Math.min(spec.width / view.displayWidth, spec.height / view.displayHeight);
  const toPixels = spec.placement === 'center' ? Math.round : Math.floor;
  const width = Math.max(1, Math.min(spec.width, toPixels(view.displayWidth * ratio)));
  const height = Math.max(1, Math.min(spec.height, toPixels(view.displayHeight * ratio)));
  if (spec.placement === 'top-left') return { ratio, width, height, left: 0, top: 0 };
  const middle = (room: number) => Math.max(0, Math.round(room / 2 - 0.1));
  return { ratio, width, height, left: middle(spec.width - width), top: middle(spec.height - height) };
}

/**
 * A box from model px to displayed px, clamped to the displayed picture.
 * @param corners x1, y1, x2, y2 in model px.
 * @returns x, y, width, height in displayed px; width and height may be 0 for a box that lies in the border.
 */
export function modelToDisplay(
  corners: ArrayLike<number>,
  geometry: LetterboxGeometry,
  view: View,
): [x: number, y: number, width: number, height: number] {
  const across = (x: number) =>
    Math.min(view.displayWidth, Math.max(0, (x - geometry.left) / geometry.ratio));
  const down = (y: number) => Math.min(view.displayHeight, Math.max(0, (y - geometry.top) / geometry.ratio));
  const x = across(corners[0]!);
  const y = down(corners[1]!);
  return [x, y, Math.max(0, across(corners[2]!) - x), Math.max(0, down(corners[3]!) - y)];
}

/**
 * An orientation as two independent axes. `swap`: going right in the shown picture goes along the stored picture's
 * columns. `mirrorX`, `mirrorY`: going right, or down, in the shown picture goes backwards in the stored one.
 */
export interface OrientedAxes {
  swap: boolean;
  mirrorX: boolean;
  mirrorY: boolean;
}

export function orientedAxes({ rotation, flip }: Orientation): OrientedAxes {
  return {
    swap: rotation === 90 || rotation === 270,
    mirrorX: flip !== (rotation === 90 || rotation === 180),
    mirrorY: rotation === 180 || rotation === 270,
  };
}

/** Size of the stored picture once it is turned upright, px. */
export function uprightSize(
  width: number,
  height: number,
  orientation: Orientation,
): { width: number; height: number } {
  return orientedAxes(orientation).swap ? { width: height, height: width } : { width, height };
}
