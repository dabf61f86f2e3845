import { exportedNames } from '../class-names.ts';
import { type Adapter, anchorCount, inputSize, shapeError } from './adapter.ts';

/**
 * YOLOv8, YOLO11 and their kin as Ultralytics' exporter writes them: `[1, 4 + classes, anchors]`, boxes as centre and
 * size in px, classes as probabilities; RGB samples 0–1 in the middle of a field of 114.
 * Source: https://docs.ultralytics.com/modes/export/
 */
export const yolov8: Adapter = (shape) => {
  const { name, rows, columns, header } = shape;
  if (rows === null || rows < 5) return null;
  const { width, height } = inputSize(shape);
  const strides = STRIDES.find((levels) => anchorCount(width, height, levels) === columns);
  const anySize = columns === null && (shape.width === null || shape.height === null);
  if (!strides && !anySize) return null;

  const task = header.metadata.get('task') ?? 'detect';
  if (task !== 'detect')
    throw shapeError(`"${name}" is a model for the task "${task}", not for detection.`, REMEDY);
  // Key points and angles stand behind the classes and would be read as classes of their own.
  const classes = rows - 4;
  const names = exportedNames(header);
  if (names && names.length !== classes)
    throw shapeError(
      `"${name}" names ${names.length} classes, but its output has room for ${classes}.`,
      REMEDY,
    );
  const levels = strides ?? STRIDES[0]!;
  return {
    letterbox: {
      width,
      height,
      placement: 'center',
      pad: 114,
      order: 'rgb',
      mean: [0, 0, 0],
      scale: [1 / 255, 1 / 255, 1 / 255],
    },
    head: {
      layout: 'yolov8',
      width,
      height,
      anchors: anchorCount(width, height, levels),
      classes,
      strides: [...levels],
    },
  };
};

const REMEDY = 'Use a detection model, such as yolov8n.onnx or yolo11n.onnx, exported without NMS.';

/** The plain models, those with a P6 level, and those with a P2 level. */
const STRIDES: readonly (readonly number[])[] = [
  [8, 16, 32],
  [8, 16, 32, 64],
  [4, 8, 16, 32],
];
