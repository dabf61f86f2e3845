import {
  type Candidates,
  type LetterboxGeometry,
  modelToDisplay,
  type View,
} from '../../../kernels/index.ts';
import type { DetectModel } from '../../../models/descriptor.ts';
import { type Detection, type DetectOptions, EdgeRunnerError } from '../../../protocol/index.ts';
import { inWords, type OutputTensor } from './output-tensor.ts';

/** Most boxes that leave a frame, and most candidates that enter NMS, best first; the same on every backend. */
export const MAX_DETECTIONS = 300;
export const MAX_CANDIDATES = 2048;

/** Boxes as x1, y1, x2, y2 in pixels of the model's input, best score first. */
export type RawDetections = Pick<Candidates, 'boxes' | 'scores' | 'classes'>;

/** Boxes in model pixels, best first, as the detections that events carry. */
export function toDetections(
  raw: RawDetections,
  model: DetectModel,
  geometry: LetterboxGeometry,
  view: View,
): Detection[] {
  return Array.from(raw.scores, (score, i) => {
    const id = raw.classes[i]!;
    const [x, y, width, height] = modelToDisplay(raw.boxes.subarray(i * 4, i * 4 + 4), geometry, view);
    return {
      class: model.classes[id] ?? `class-${id}`,
      id,
      score: rounded(score, 4),
      box: [rounded(x, 1), rounded(y, 1), rounded(width, 1), rounded(height, 1)],
    };
  });
}

/** 1 for every class that is wanted, null for all. @throws {EdgeRunnerError} `option-invalid` for an unknown class. */
export function classMaskOf(model: DetectModel, { classes }: DetectOptions): Uint8Array | null {
  if (!classes) return null;
  const mask = new Uint8Array(model.classes.length);
  for (const name of classes) {
    const id = model.classes.indexOf(name);
    if (id < 0) {
      throw new EdgeRunnerError(
        'option-invalid',
        `The model ${model.name} knows no class "${name}".`,
        `It knows: ${model.classes.join(', ')}.`,
      );
    }
    mask[id] = 1;
  }
  return mask;
}

/** @throws {EdgeRunnerError} `model-shape` when a run's output is not what the descriptor says. */
export function checkDetections<T extends OutputTensor>(
  tensor: T | undefined,
  { name, output }: DetectModel,
): T {
  const { anchors, classes, layout } = output.head;
  const expected = anchors * (classes + (layout === 'yolox' ? 5 : 4));
  if (tensor?.type === 'float32' && tensor.dims.reduce((a, b) => a * b, 1) === expected) return tensor;
  throw new EdgeRunnerError(
    'model-shape',
    `${name} answered with ${inWords(tensor, output.name)}, not with ${expected} float32 numbers of the ${layout} layout.`,
    'Export the model with static shapes and float32 outputs.',
  );
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
