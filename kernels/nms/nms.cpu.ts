import type { Candidates } from '../yolo-decode/yolo-decode.cpu.ts';

export interface NmsParams {
  /** 0 to 1: of two boxes of one class that overlap by more than this, the lower one goes. */
  iou: number;
  /** So many candidates, the best by score, enter at all. */
  maxCandidates: number;
  /** So many boxes at most are kept, the best by score. */
  maxDetections: number;
}

export const NMS_DEFAULTS: NmsParams = { iou: 0.65, maxCandidates: 2048, maxDetections: 300 };

/**
 * Greedy non-maximum suppression, class by class. Order is total: score falling, then anchor rising, so that every
 * implementation keeps the same boxes.
 * @returns indices into the candidates, best first.
 */
export function nmsCpu(candidates: Candidates, params: NmsParams): Int32Array {
  const { boxes, scores, classes, anchors, count } = candidates;
  const order = Array.from({ length: count }, (_, index) => index);
  order.sort((a, b) => scores[b]! - scores[a]! || anchors[a]! - anchors[b]!);
  if (order.length > params.maxCandidates) order.length = params.maxCandidates;

  const kept: number[] = [];
  for (const index of order) {
    if (kept.length >= params.maxDetections) break;
    const hidden = kept.some(
      (other) => classes[other] === classes[index] && overlaps(boxes, other, index, params.iou),
    );
    if (!hidden) kept.push(index);
  }
  return Int32Array.from(kept);
}

/** IoU > limit, without the division. */
function overlaps(boxes: Float32Array, a: number, b: number, limit: number): boolean {
  const [ax1, ay1, ax2, ay2] = [boxes[4 * a]!, boxes[4 * a + 1]!, boxes[4 * a + 2]!, boxes[4 * a + 3]!];
  const [bx1, by1, bx2, by2] = [boxes[4 * b]!, boxes[4 * b + 1]!, boxes[4 * b + 2]!, boxes[4 * b + 3]!];
  const width = Math.min(ax2, bx2) - Math.max(ax1, bx1);
  const height = Math.min(ay2, by2) - Math.max(ay1, by1);
  if (!(width > 0 && height > 0)) return false;
  const shared = width * height;
  return shared > limit * ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared);
}
