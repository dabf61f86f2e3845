import { assign } from '../../web/engine/track/assign.ts';
import { overlap } from '../../web/engine/track/boxes.ts';
import type { Scored } from './countable.ts';

/** Overlap from which a track and an object are the same. */
const SAME = 0.5;

export interface MotScores {
  /** 1 − (misses + false positives + switches) ÷ objects, over all frames (Bernardin and Stiefelhagen 2008). */
  mota: number;
  /** 2 · IDTP ÷ (objects + tracks) under the best one-to-one pairing of identities (Ristani et al. 2016). */
  idf1: number;
  misses: number;
  falsePositives: number;
  switches: number;
  objects: number;
}

/**
 * Scores of a tracker over the frames of one clip, as py-motmetrics defines them: a pair of the frame before is kept
 * while it overlaps enough, all others are paired at the least total distance (1 − IoU); a switch is counted when an
 * object is paired with another track than it was last. Detections without a track are left out.
 */
export function motScores(frames: Scored[]): MotScores {
  let [misses, falsePositives, switches, objects, found] = [0, 0, 0, 0, 0];
  const last = new Map<number, number>();
  const together = new Map<string, number>();
  const [objectIds, trackIds] = [new Set<number>(), new Set<number>()];
  for (const { truth, detections } of frames) {
    const tracks = detections.filter(({ track }) => track !== undefined);
    objects += truth.length;
    found += tracks.length;
    for (const object of truth) objectIds.add(object.track);
    for (const { track } of tracks) trackIds.add(track!);
    const same = truth.map((object) =>
      tracks.map(({ id, box }) => (id === object.id ? overlap(object.box, box) : 0)),
    );
    for (const [i, object] of truth.entries())
      for (const [j, { track }] of tracks.entries())
        if (same[i]![j]! >= SAME) {
          const key = `${object.track} ${track}`;
          together.set(key, (together.get(key) ?? 0) + 1);
        }
    const cost = same.map((row, i) =>
      row.map((iou, j) => {
        if (iou < SAME) return 2;
        const kept = last.get(truth[i]!.track) === tracks[j]!.track;
        return kept ? (iou - 1) * 1e-3 - 1 : 1 - iou;
      }),
    );
    const { pairs } = assign(cost, tracks.length, 1);
    for (const [row, column] of pairs) {
      const object = truth[row]!.track;
      const track = tracks[column]!.track!;
      if (last.has(object) && last.get(object) !== track) switches++;
      last.set(object, track);
    }
    misses += truth.length - pairs.length;
    falsePositives += tracks.length - pairs.length;
  }
  const tracks = [...trackIds];
  const cost = [...objectIds].map((object) =>
    tracks.map((track) => -(together.get(`${object} ${track}`) ?? 0)),
  );
  const best = assign(cost, tracks.length, 0).pairs.reduce(
    (sum, [row, column]) => sum - cost[row]![column]!,
    0,
  );
  return {
    mota: 1 - (misses + falsePositives + switches) / objects,
    idf1: (2 * best) / (objects + found),
    misses,
    falsePositives,
    switches,
    objects,
  };
}
