import { overlap } from '../web/engine/track/boxes.ts';
import type { CocoDetection } from './coco.ts';

export interface CocoInstances {
  images: { id: number }[];
  annotations: { image_id: number; category_id: number; bbox: CocoDetection['bbox'] }[];
}

const THRESHOLDS = Array.from({ length: 10 }, (_, i) => 0.5 + 0.05 * i);
const RECALLS = Array.from({ length: 101 }, (_, i) => i / 100);
const PER_IMAGE = 100;

/**
 * COCO's box AP: 101 points of recall, IoU 0.50 to 0.95, at most 100 detections a picture, mean over the classes that
 * occur. Without crowds and area ranges (cocodataset.org/#detection-eval).
 */
export function averagePrecision(
  truth: CocoInstances,
  detections: CocoDetection[],
): { ap: number; ap50: number } {
  const perImage = groupBy(detections, ({ image_id }) => image_id);
  const best = [...perImage.values()].flatMap((found) =>
    found.toSorted((a, b) => b.score - a.score).slice(0, PER_IMAGE),
  );
  const truths = groupBy(truth.annotations, ({ category_id }) => category_id);
  const founds = groupBy(best, ({ category_id }) => category_id);
  const aps = [...truths].map(([category, boxes]) => {
    const found = (founds.get(category) ?? []).sort((a, b) => b.score - a.score);
    return THRESHOLDS.map((threshold) => classPrecision(boxes, found, threshold));
  });
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { ap: mean(aps.map(mean)), ap50: mean(aps.map(([first]) => first!)) };
}

function classPrecision(
  truth: CocoInstances['annotations'],
  found: CocoDetection[],
  threshold: number,
): number {
  const boxes = groupBy(truth, ({ image_id }) => image_id);
  const taken = new Set<object>();
  let hits = 0;
  const curve = found.map((detection, i) => {
    const match = (boxes.get(detection.image_id) ?? [])
      .filter((box) => !taken.has(box))
      .map((box) => ({ box, iou: overlap(box.bbox, detection.bbox) }))
      .reduce<{ box: object; iou: number } | null>(
        (best, next) => (next.iou >= (best?.iou ?? threshold) ? next : best),
        null,
      );
    if (match) {
      taken.add(match.box);
      hits++;
    }
    return { recall: hits / truth.length, precision: hits / (i + 1) };
  });
  // Precision at a recall is the best at that recall or beyond.
  for (let i = curve.length - 2; i >= 0; i--)
    curve[i]!.precision = Math.max(curve[i]!.precision, curve[i + 1]!.precision);
  const at = RECALLS.map((recall) => curve.find((point) => point.recall >= recall)?.precision ?? 0);
  return at.reduce((sum, value) => sum + value, 0) / RECALLS.length;
}

function groupBy<T>(items: T[], key: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
