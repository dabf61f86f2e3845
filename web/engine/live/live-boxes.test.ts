import { expect, it } from 'vitest';
import { UPRIGHT } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import { LiveBoxes, type Shown } from './live-boxes.ts';

const VIEW = { displayWidth: 640, displayHeight: 480, orientation: UPRIGHT };
const ALL: Shown = { minScore: 0.3, classes: null, numbered: true };

const at = (x: number, changes: Partial<Detection> = {}): Detection => ({
  ...{ class: 'car', id: 1, score: 0.9, box: [x, 100, 80, 60] },
  ...changes,
});

/** Looks at every third frame at a car that moves 4 px a frame, each result two frames late. */
function followed(shown = ALL, changes: Partial<Detection> = {}) {
  const boxes = new LiveBoxes(30, shown);
  const off: number[] = [];
  for (let frame = 0; frame < 60; frame++) {
    if (frame >= 2 && (frame - 2) % 3 === 0) boxes.found(frame - 2, [at(4 * (frame - 2), changes)]);
    const [one] = boxes.at(frame, VIEW);
    if (one) off.push(Math.abs(one.box[0] - 4 * frame));
  }
  return { boxes, off };
}

it('a box moves on to the frame that is shown, though inference is behind', () => {
  const { off } = followed();
  // The look is 2 to 4 frames old, which are 8 to 16 px.
  expect(Math.max(...off.slice(-30))).toBeLessThan(3);
});

it('boxes that nobody follows stay where they were found', () => {
  const boxes = new LiveBoxes(30, ALL);
  boxes.found(0, [at(100, { score: 0.4 })]);
  expect(boxes.at(9, VIEW)).toEqual([at(100, { score: 0.4 })]);
});

it('what was found long ago is shown no more', () => {
  const { boxes } = followed();
  expect(boxes.at(80, VIEW)).toHaveLength(1);
  expect(boxes.at(200, VIEW)).toEqual([]);
});

it('a track that was sure once stays when looks are less sure; one that never was does not show', () => {
  const boxes = new LiveBoxes(30, { ...ALL, minScore: 0.8 });
  for (const [frame, score] of [0.85, 0.9, 0.7, 0.65].entries()) boxes.found(frame, [at(100, { score })]);
  expect(boxes.at(4, VIEW)).toMatchObject([{ score: 0.65, track: 1 }]);
  const never = new LiveBoxes(30, { ...ALL, minScore: 0.8 });
  for (const frame of [0, 1, 2]) never.found(frame, [at(100, { score: 0.7 })]);
  expect(never.at(3, VIEW)).toEqual([]);
});

it('only the classes that are wanted show, with numbers only where those are wanted', () => {
  const { boxes } = followed({ ...ALL, classes: new Set(['bus']) });
  expect(boxes.at(60, VIEW)).toEqual([]);
  boxes.show({ ...ALL, numbered: false });
  expect(boxes.at(60, VIEW)[0]).not.toHaveProperty('track');
});

it('no box reaches out of the picture', () => {
  const { boxes } = followed();
  for (let frame = 60; frame < 64; frame++) boxes.found(3 * frame - 120, [at(4 * (3 * frame - 120))]);
  const [one] = boxes.at(110, VIEW);
  expect(one!.box[0] + one!.box[2]).toBeLessThanOrEqual(640);
});
