import { type LetterboxGeometry, modelToDisplay, type View } from '../../../kernels/index.ts';
import type { ModelDescriptor } from '../../../models/descriptor.ts';
import { type Detection, type DetectOptions, EdgeRunnerError } from '../../../protocol/index.ts';
import type { RawDetections } from '../cpu/inference-worker.ts';

/** Boxes in model pixels, best first, as the detections that events carry. */
export function toDetections(
  raw: RawDetections,
  model: ModelDescriptor,
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
export function classMaskOf(model: ModelDescriptor, { classes }: DetectOptions): Uint8Array | null {
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

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
