import type { Detection, Truth } from '../../protocol/index.ts';
import { assign } from '../../web/engine/track/assign.ts';
import { overlap } from '../../web/engine/track/tracker.ts';

/** Share of an object that must be seen, and px of its height in a picture 540 px high, for it to count. */
const LEAST_VISIBLE = 0.4;
const LEAST_HEIGHT = 24 / 540;

export interface Scored {
  truth: Truth[];
  detections: Detection[];
}

/**
 * What counts of a frame. Objects that are mostly hidden or tiny are neither asked for nor held against who finds
 * them, as KITTI and MOTChallenge do: detections that fit one of those best are taken out with them.
 */
export function countable(truth: Truth[], detections: Detection[], pictureHeight: number): Scored {
  const counts = ({ box, visible }: Truth) =>
    visible >= LEAST_VISIBLE && box[3] >= LEAST_HEIGHT * pictureHeight;
  const cost = truth.map((object) =>
    detections.map(({ id, box }) => (id === object.id ? 1 - overlap(object.box, box) : 2)),
  );
  // Those that count take first what they can: a pair with one that does not is dearer.
  const weighted = cost.map((row, i) => row.map((value) => value + (counts(truth[i]!) ? 0 : 0.5)));
  const { pairs } = assign(weighted, detections.length, 1.2);
  const taken = new Set(
    pairs
      .filter(([row, column]) => !counts(truth[row]!) && cost[row]![column]! <= 0.7)
      .map(([, column]) => detections[column]!),
  );
  return {
    truth: truth.filter(counts),
    detections: detections.filter((detection) => !taken.has(detection)),
  };
}
