import { expect, it } from 'vitest';
import type { FrameEvent } from '../../protocol/index.ts';
import { agreement } from './agreement.ts';

const frame = (...boxes: [id: number, score: number, x: number][]): FrameEvent => ({
  ...{ v: 1, type: 'frame', source: 'in', frame: 0, time: 0 },
  detections: boxes.map(([id, score, x]) => ({ class: `${id}`, id, score, box: [x, 0, 10, 10] })),
});

it('counts our sure detections that somebody else found too', () => {
  const ours = [frame([0, 0.9, 0], [1, 0.8, 50], [0, 0.4, 100])];
  expect(agreement(ours, [[{ id: 0, score: 0.9, box: [1, 0, 10, 10] }]])).toBe(0.5);
  expect(agreement(ours, [[{ id: 1, score: 0.9, box: [0, 0, 10, 10] }]])).toBe(0);
  expect(agreement([frame()], [[]])).toBe(1);
});
