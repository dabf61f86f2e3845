import type { Detection, Truth } from '../../protocol/index.ts';
import { assign } from '../../web/engine/track/assign.ts';
import { overlap } from '../../web/engine/track/boxes.ts';

/** Share of an object that must be seen for it to count: what KITTI calls partly occluded. */
const LEAST_VISIBLE = 0.4;
/** Height of an object that counts, as a share of the picture's: KITTI's 25 px of 375. */
const LEAST_HEIGHT = 25 / 375;

/** Overlap (IoU) from which a detection is an object's. */
const SAME = 0.5;

export interface Scored {
  truth: Truth[];
  detections: Detection[];
}

/**
 * What counts of a frame. Objects that are mostly hidden or tiny are neither asked for nor held against who finds
 * them, as in KITTI's benchmarks (Geiger et al. 2012): detections that fit one of those best are taken out with them.
 */
export function countable(
  truth: Truth[],
  detections: Detection[],
  pictureHeight: number,
  leastHeight = LEAST_HEIGHT,
): Scored {
  const counts = ({ box, visible }: Truth) =>
    visible >= LEAST_VISIBLE && box[3] >= leastHeight * pictureHeight;
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
  const asked = truth.filter(counts);
  // What is itself too low to count is held against nobody either, unless it is one that counts.
  const answers = ({ id, box }: Detection) =>
    box[3] >= leastHeight * pictureHeight ||
    asked.some((object) => object.id === id && overlap(object.box, box) >= SAME);
  return {
    truth: asked,
    detections: detections.filter((detection) => !taken.has(detection) && answers(detection)),
  };
}
