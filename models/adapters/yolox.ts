import { exportedNames } from '../class-names.ts';
import { type Adapter, anchorCount, inputSize, shapeError } from './adapter.ts';

/**
 * YOLOX as its own exporter writes it: `[1, anchors, 5 + classes]`, a raw head (the grid is still to be added, sizes
 * are logarithms), BGR samples 0–255 at the top left of a field of 114.
 * Source: https://github.com/Megvii-BaseDetection/YOLOX, `demo/ONNXRuntime`.
 */
export const yolox: Adapter = (shape) => {
  const { rows, columns, header } = shape;
  if (columns === null || columns < 6) return null;
  const { width, height } = inputSize(shape);
  const strides = STRIDES.find((levels) => anchorCount(width, height, levels) === rows);
  const anySize = rows === null && (shape.width === null || shape.height === null);
  // YOLOv5 of any size has the same shape and other numbers; its exporter always writes names, YOLOX's never does.
  if (!strides && !(anySize && exportedNames(header) === null)) return null;
  if (header.operators.has('Exp'))
    throw shapeError(
      `"${shape.name}" is a YOLOX model that decodes its boxes itself, and would be decoded twice.`,
      'Export it without --decode_in_inference.',
    );
  const levels = strides ?? STRIDES[0]!;
  return {
    letterbox: {
      width,
      height,
      placement: 'top-left',
      pad: 114,
      order: 'bgr',
      mean: [0, 0, 0],
      scale: [1, 1, 1],
    },
    head: {
      layout: 'yolox',
      width,
      height,
      anchors: anchorCount(width, height, levels),
      classes: columns - 5,
      strides: [...levels],
    },
  };
};

const STRIDES: readonly (readonly number[])[] = [
  [8, 16, 32],
  [8, 16, 32, 64],
];
