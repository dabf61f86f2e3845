import type { DetectModel } from '../../../models/descriptor.ts';
import type { PageFound } from './job.ts';

/** What pages with a detector have in common: decode and NMS in JavaScript, as the model's own demo writes them. */

export interface Fit {
  scale: number;
  left: number;
  top: number;
}

/** How a picture lies in the model's input. */
export function fitInto({ input }: DetectModel, width: number, height: number): Fit {
  const { letterbox } = input;
  const scale = Math.min(letterbox.width / width, letterbox.height / height);
  const centred = letterbox.placement === 'center';
  return {
    scale,
    left: centred ? (letterbox.width - width * scale) / 2 : 0,
    top: centred ? (letterbox.height - height * scale) / 2 : 0,
  };
}

export function boxesOf(
  raw: Float32Array,
  { output: { head }, input: { letterbox } }: DetectModel,
  fit: Fit,
  minScore: number,
  iou: number,
): PageFound[] {
  const { layout, classes, anchors, strides } = head;
  const boxes: PageFound[] = [];
  const add = (cx: number, cy: number, w: number, h: number, id: number, score: number) => {
    if (score < minScore) return;
    const { left, top, scale } = fit;
    const box = [(cx - w / 2 - left) / scale, (cy - h / 2 - top) / scale, w / scale, h / scale] as const;
    boxes.push({ id, score, box: [...box] });
  };
  if (layout === 'yolov8') {
    for (let i = 0; i < anchors; i++) {
      let best = 0;
      for (let c = 1; c < classes; c++) {
        if (raw[(4 + c) * anchors + i]! > raw[(4 + best) * anchors + i]!) best = c;
      }
      const at = (row: number) => raw[row * anchors + i]!;
      add(at(0), at(1), at(2), at(3), best, at(4 + best));
    }
    return nms(boxes, iou);
  }
  let anchor = 0;
  for (const stride of strides) {
    for (let y = 0; y < letterbox.height / stride; y++) {
      for (let x = 0; x < letterbox.width / stride; x++, anchor++) {
        const at = anchor * (5 + classes);
        if (raw[at + 4]! < minScore) continue;
        let best = 0;
        for (let c = 1; c < classes; c++) if (raw[at + 5 + c]! > raw[at + 5 + best]!) best = c;
        const w = Math.exp(raw[at + 2]!) * stride;
        const h = Math.exp(raw[at + 3]!) * stride;
        add(
          (raw[at]! + x) * stride,
          (raw[at + 1]! + y) * stride,
          w,
          h,
          best,
          raw[at + 4]! * raw[at + 5 + best]!,
        );
      }
    }
  }
  return nms(boxes, iou);
}

function nms(boxes: PageFound[], iou: number): PageFound[] {
  boxes.sort((a, b) => b.score - a.score);
  const kept: PageFound[] = [];
  for (const one of boxes) {
    if (!kept.some((other) => other.id === one.id && overlap(one.box, other.box) > iou)) kept.push(one);
  }
  return kept;
}

function overlap(a: PageFound['box'], b: PageFound['box']): number {
  const w = Math.max(0, Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]));
  const h = Math.max(0, Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]));
  return (w * h) / (a[2] * a[3] + b[2] * b[3] - w * h);
}

/** Boxes with labels on a 2D canvas. */
export function drawBoxes(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  boxes: PageFound[],
  { classes }: DetectModel,
): void {
  context.lineWidth = 3;
  context.font = '18px sans-serif';
  for (const { id, score, box } of boxes) {
    const color = `hsl(${(id * 67) % 360} 90% 50%)`;
    const label = `${classes[id]} ${(score * 100).toFixed(0)}%`;
    context.strokeStyle = color;
    context.strokeRect(...box);
    context.fillStyle = color;
    context.fillRect(box[0], box[1] - 22, context.measureText(label).width + 8, 22);
    context.fillStyle = 'black';
    context.fillText(label, box[0] + 4, box[1] - 5);
  }
}
