import type { LetterboxSpec } from '../../kernels/geometry.ts';
import type { YoloHead } from '../../kernels/yolo-decode/yolo-decode.cpu.ts';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import type { OnnxHeader } from '../onnx-header.ts';

/** A model with one picture in and one tensor out: what every adapter looks at. */
export interface ModelShape {
  /** File or registry name, for sentences. */
  name: string;
  /** Model input, px; null where the model takes any size. */
  width: number | null;
  height: number | null;
  /** Output without the batch; its first two sizes. */
  rows: number | null;
  columns: number | null;
  header: OnnxHeader;
}

export interface Recognised {
  letterbox: LetterboxSpec;
  head: YoloHead;
}

/**
 * Recognises one family by the shape of its output.
 * @returns null for a model of another family.
 * @throws {EdgeRunnerError} `model-shape` for a model of this family that cannot be used as it was exported.
 */
export type Adapter = (shape: ModelShape) => Recognised | null;

/** The size that a model of any size is run at, px. Ultralytics' exporter writes the one it was trained for. */
export function inputSize({ width, height, header }: ModelShape): { width: number; height: number } {
  const [, tall, wide] =
    /^\s*\[\s*(\d{2,4})\s*,\s*(\d{2,4})\s*\]/.exec(header.metadata.get('imgsz') ?? '') ?? [];
  return {
    width: width ?? Number(wide ?? DEFAULT_SIZE),
    height: height ?? Number(tall ?? DEFAULT_SIZE),
  };
}

const DEFAULT_SIZE = 640;

/** Cells of all levels together: a grid of `stride` px for each. */
export const anchorCount = (width: number, height: number, strides: readonly number[]): number =>
  strides.reduce((sum, stride) => sum + Math.floor(width / stride) * Math.floor(height / stride), 0);

export const shapeError = (message: string, remedy: string): EdgeRunnerError =>
  new EdgeRunnerError('model-shape', message, remedy);
