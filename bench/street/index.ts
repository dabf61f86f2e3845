import type { BenchContext, Row } from '../main.ts';
import { detectionScores, runHeldOut } from './score.ts';

/** Accuracy of the embedded models on streets that they were not trained on, from file to events. */
export async function benchStreet({ folder, quick }: BenchContext): Promise<Row[]> {
  // Until the package has weights of its own: the file that models/train made.
  const model = process.env.EDGE_RUNNER_STREET_YOLO;
  if (!model) return [{ what: 'left out: EDGE_RUNNER_STREET_YOLO names no model', value: '' }];
  // A frame every two seconds: frames that follow each other say little new.
  const stills = { firstSeed: 100, seeds: quick ? 4 : 24, seconds: 10, fps: 0.5 };
  const args = ['--min-score', '0.01', '--backend', 'cpu'];
  const { ap, ap50 } = detectionScores(await runHeldOut(folder, model, stills, args));
  return [
    { what: 'street-yolo, AP50', value: ap50.toFixed(3), asked: '≥ 0.85', ok: ap50 >= 0.85 },
    { what: 'street-yolo, AP', value: ap.toFixed(3) },
  ];
}
