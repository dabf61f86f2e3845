import { describe, expect, it } from 'vitest';
import { seeded } from '../testing.ts';
import { randomHead } from '../testing-yolo.ts';
import { type Candidates, decodeYoloCpu, type YoloHead } from '../yolo-decode/yolo-decode.cpu.ts';
import { NMS_DEFAULTS, nmsCpu } from './nms.cpu.ts';

const candidatesOf = (items: [box: number[], score: number, classId: number][]): Candidates => ({
  count: items.length,
  boxes: Float32Array.from(items.flatMap(([box]) => box)),
  scores: Float32Array.from(items, ([, score]) => score),
  classes: Int32Array.from(items, ([, , classId]) => classId),
  anchors: Int32Array.from(items, (_, index) => index),
});

describe('NMS on the CPU', () => {
  it('keeps the best of overlapping boxes of one class, and other classes beside it', () => {
    const candidates = candidatesOf([
      [[0, 0, 10, 10], 0.5, 0],
      [[1, 0, 11, 10], 0.9, 0],
      [[0, 0, 10, 10], 0.7, 1],
      [[50, 50, 60, 60], 0.6, 0],
    ]);
    expect([...nmsCpu(candidates, NMS_DEFAULTS)]).toEqual([1, 2, 3]);
  });

  it('keeps boxes that overlap by exactly the limit', () => {
    const candidates = candidatesOf([
      [[0, 0, 10, 10], 0.9, 0],
      [[0, 0, 10, 5], 0.8, 0],
    ]);
    expect([...nmsCpu(candidates, { ...NMS_DEFAULTS, iou: 0.5 })]).toEqual([0, 1]);
    expect([...nmsCpu(candidates, { ...NMS_DEFAULTS, iou: 0.49 })]).toEqual([0]);
  });

  it('a hidden box hides nothing', () => {
    const candidates = candidatesOf([
      [[0, 0, 10, 10], 0.9, 0],
      [[4, 0, 14, 10], 0.8, 0],
      [[8, 0, 18, 10], 0.7, 0],
    ]);
    expect([...nmsCpu(candidates, { ...NMS_DEFAULTS, iou: 0.4 })]).toEqual([0, 2]);
  });

  it('breaks ties by anchor and honours both limits', () => {
    const apart = [0, 1, 2, 3].map((i): [number[], number, number] => [[20 * i, 0, 20 * i + 10, 10], 0.5, 0]);
    const candidates = candidatesOf(apart);
    expect([...nmsCpu(candidates, { ...NMS_DEFAULTS, maxDetections: 3 })]).toEqual([0, 1, 2]);
    expect([...nmsCpu(candidates, { ...NMS_DEFAULTS, maxCandidates: 2 })]).toEqual([0, 1]);
    expect([...nmsCpu(candidatesOf([]), NMS_DEFAULTS)]).toEqual([]);
  });
});

describe('YOLO decode on the CPU', () => {
  it('places a YOLOX anchor on its grid', () => {
    const head: YoloHead = {
      layout: 'yolox',
      width: 64,
      height: 64,
      anchors: 84,
      classes: 2,
      strides: [8, 16, 32],
    };
    const raw = new Float32Array(84 * 7);
    // The second level's anchor in row 1, column 2.
    raw.set([0.5, 0.25, Math.log(2), Math.log(3), 0.5, 0.25, 0.75], 7 * (64 + 4 + 2));
    const found = decodeYoloCpu(raw, head, { minScore: 0.3, classMask: null });
    expect([...found.anchors, ...found.classes, ...found.scores]).toEqual([70, 1, 0.375]);
    expect([...found.boxes].map((value) => Math.round(value * 1000) / 1000)).toEqual([24, -4, 56, 44]);
  });

  it('reads YOLOv8 columns, drops what is masked out, weak or NaN', () => {
    const head: YoloHead = { layout: 'yolov8', width: 64, height: 64, anchors: 3, classes: 2, strides: [] };
    // One row per value: x, y, width, height, class 0, class 1.
    const raw = [10, 20, 30, 10, 20, 30, 4, 4, 4, 2, 2, 2, 0.9, 0.1, Number.NaN, 0.9, 0.8, Number.NaN];
    const all = decodeYoloCpu(Float32Array.from(raw), head, { minScore: 0.3, classMask: null });
    expect([...all.anchors, ...all.classes]).toEqual([0, 1, 0, 1]);
    expect([...all.boxes.subarray(0, 4)]).toEqual([8, 9, 12, 11]);
    const masked = decodeYoloCpu(Float32Array.from(raw), head, {
      minScore: 0.3,
      classMask: Uint8Array.of(0, 1),
    });
    expect([...masked.anchors]).toEqual([1]);
  });

  it('refuses an output that is not what the head says', () => {
    const { head, raw } = randomHead(seeded(3), 'yolox', 0.1);
    const params = { minScore: 0.3, classMask: null };
    expect(() => decodeYoloCpu(raw.subarray(1), head, params)).toThrow(RangeError);
    expect(() => decodeYoloCpu(raw, { ...head, strides: [8, 16] }, params)).toThrow(RangeError);
  });
});
