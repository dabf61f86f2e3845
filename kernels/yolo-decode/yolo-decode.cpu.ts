/** What a YOLO head yields. `yolox`: [1, anchors, 5 + classes]; `yolov8`: [1, 4 + classes, anchors]. */
export interface YoloHead {
  layout: 'yolox' | 'yolov8';
  /** Model input, px. */
  width: number;
  height: number;
  anchors: number;
  classes: number;
  /** Pixels per grid cell, level by level in the order of the anchors; unused by `yolov8`, which yields pixels. */
  strides: number[];
}

export interface DecodeParams {
  /** 0 to 1. A YOLOX anchor whose objectness is below it is not looked at: classes are probabilities, at most 1. */
  minScore: number;
  /** Per class 1 = wanted; null = all. A candidate whose best class is not wanted is dropped. */
  classMask: Uint8Array | null;
}

/** Anchors that passed, in the order of the anchors. */
export interface Candidates {
  count: number;
  /** x1, y1, x2, y2 in model px, unclamped. */
  boxes: Float32Array;
  /** 0 to 1. */
  scores: Float32Array;
  classes: Int32Array;
  /** Index of the anchor that each came from. */
  anchors: Int32Array;
}

/**
 * Raw head output to candidates. A NaN score is never a candidate.
 * @throws {RangeError} when `raw` is not as long as the head says, or the strides do not give its anchors.
 */
export function decodeYoloCpu(raw: Float32Array, head: YoloHead, params: DecodeParams): Candidates {
  checkHead(head);
  const expected = head.anchors * ((head.layout === 'yolox' ? 5 : 4) + head.classes);
  if (raw.length !== expected)
    throw new RangeError(`the head should yield ${expected} values, got ${raw.length}`);
  return head.layout === 'yolox' ? decodeYolox(raw, head, params) : decodeYolov8(raw, head, params);
}

/** @throws {RangeError} when the strides of a YOLOX head do not give its number of anchors. */
export function checkHead(head: YoloHead): void {
  if (head.layout !== 'yolox') return;
  const cells = head.strides.reduce((sum, stride) => sum + gridOf(head, stride).cells, 0);
  if (cells !== head.anchors)
    throw new RangeError(`these strides give ${cells} anchors, not ${head.anchors}`);
}

/** The grid of one level: rows of `columns` cells. */
export function gridOf(head: YoloHead, stride: number): { columns: number; cells: number } {
  const columns = Math.floor(head.width / stride);
  return { columns, cells: columns * Math.floor(head.height / stride) };
}

/** YOLOX, `demo_postprocess` and `postprocess`: objectness and classes come out of the model as probabilities. */
function decodeYolox(raw: Float32Array, head: YoloHead, { minScore, classMask }: DecodeParams): Candidates {
  const kept = new Kept();
  const least = Math.fround(minScore);
  const width = 5 + head.classes;
  let anchor = 0;
  for (const stride of head.strides) {
    const { columns, cells } = gridOf(head, stride);
    for (let cell = 0; cell < cells; cell++, anchor++) {
      const at = anchor * width;
      const objectness = raw[at + 4]!;
      if (!(objectness >= least)) continue;
      let best = -Infinity;
      let classId = 0;
      for (let c = 0; c < head.classes; c++) {
        const probability = raw[at + 5 + c]!;
        if (probability > best) {
          best = probability;
          classId = c;
        }
      }
      const score = Math.fround(objectness * best);
      if (!(score >= least) || (classMask && !classMask[classId])) continue;
      const x = (raw[at]! + (cell % columns)) * stride;
      const y = (raw[at + 1]! + Math.floor(cell / columns)) * stride;
      kept.add(
        anchor,
        score,
        classId,
        x,
        y,
        Math.exp(raw[at + 2]!) * stride,
        Math.exp(raw[at + 3]!) * stride,
      );
    }
  }
  return kept.finish();
}

function decodeYolov8(raw: Float32Array, head: YoloHead, { minScore, classMask }: DecodeParams): Candidates {
  const { anchors } = head;
  const least = Math.fround(minScore);
  const best = new Float32Array(anchors).fill(-Infinity);
  const classIds = new Int32Array(anchors);
  // Class by class, because an anchor's classes lie `anchors` values apart.
  for (let c = 0; c < head.classes; c++) {
    const at = (4 + c) * anchors;
    for (let anchor = 0; anchor < anchors; anchor++) {
      const probability = raw[at + anchor]!;
      if (probability > best[anchor]!) {
        best[anchor] = probability;
        classIds[anchor] = c;
      }
    }
  }
  const kept = new Kept();
  for (let anchor = 0; anchor < anchors; anchor++) {
    const score = best[anchor]!;
    const classId = classIds[anchor]!;
    if (!(score >= least) || (classMask && !classMask[classId])) continue;
    const [x, y] = [raw[anchor]!, raw[anchors + anchor]!];
    kept.add(anchor, score, classId, x, y, raw[2 * anchors + anchor]!, raw[3 * anchors + anchor]!);
  }
  return kept.finish();
}

/** Few anchors pass, so plain arrays grow with them instead of four typed arrays as long as the head. */
class Kept {
  readonly #boxes: number[] = [];
  readonly #scores: number[] = [];
  readonly #classes: number[] = [];
  readonly #anchors: number[] = [];

  add(
    anchor: number,
    score: number,
    classId: number,
    x: number,
    y: number,
    width: number,
    height: number,
  ): void {
    this.#boxes.push(x - width / 2, y - height / 2, x + width / 2, y + height / 2);
    this.#scores.push(score);
    this.#classes.push(classId);
    this.#anchors.push(anchor);
  }

  finish(): Candidates {
    return {
      count: this.#scores.length,
      boxes: Float32Array.from(this.#boxes),
      scores: Float32Array.from(this.#scores),
      classes: Int32Array.from(this.#classes),
      anchors: Int32Array.from(this.#anchors),
    };
  }
}
