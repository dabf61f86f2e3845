import type { Candidates } from './yolo-decode/yolo-decode.cpu.ts';

/** Bytes of one detection in a GPU buffer (`Detection` in detection.wgsl), and of the header before the first. */
export const DETECTION_BYTES = 32;

/** Length of a buffer of detections: the header, whose first u32 is the count, then `capacity` places. */
export const detectionsByteLength = (capacity: number): number => (1 + capacity) * DETECTION_BYTES;

/** A box as x1, y1, x2, y2; `track` counts from 1. */
export interface ListedDetection {
  corners: readonly [number, number, number, number];
  score: number;
  classId: number;
  track?: number | undefined;
}

/** Boxes with all that is drawn of them, in the layout of the GPU's buffers. */
export function packDetections(found: readonly ListedDetection[], capacity: number): ArrayBuffer {
  const count = Math.min(found.length, capacity);
  const bytes = new ArrayBuffer(detectionsByteLength(count));
  const words = new Uint32Array(bytes);
  const floats = new Float32Array(bytes);
  words[0] = count;
  for (let i = 0; i < count; i++) {
    const { corners, score, classId, track = 0 } = found[i]!;
    const at = ((1 + i) * DETECTION_BYTES) / 4;
    floats.set(corners, at);
    floats[at + 4] = score;
    words[at + 5] = classId;
    words[at + 7] = track;
  }
  return bytes;
}

/**
 * Reads a buffer of detections that was copied from the GPU.
 * @param bytes mapped staging memory; what is returned is a copy of it.
 */
export function readDetections(bytes: ArrayBuffer): Candidates {
  const words = new Uint32Array(bytes);
  const floats = new Float32Array(bytes);
  const count = Math.min(words[0]!, bytes.byteLength / DETECTION_BYTES - 1);
  const found: Candidates = {
    count,
    boxes: new Float32Array(4 * count),
    scores: new Float32Array(count),
    classes: new Int32Array(count),
    anchors: new Int32Array(count),
  };
  for (let i = 0; i < count; i++) {
    const at = ((1 + i) * DETECTION_BYTES) / 4;
    found.boxes.set(floats.subarray(at, at + 4), 4 * i);
    found.scores[i] = floats[at + 4]!;
    found.classes[i] = words[at + 5]!;
    found.anchors[i] = words[at + 6]!;
  }
  return found;
}
