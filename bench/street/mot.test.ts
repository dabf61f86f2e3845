import { describe, expect, it } from 'vitest';
import type { Detection, Truth } from '../../protocol/index.ts';
import { motScores } from './mot.ts';

const object = (track: number, x: number): Truth => ({
  class: 'person',
  id: 0,
  track,
  box: [x, 0, 10, 10],
  visible: 1,
});
const found = (track: number, x: number): Detection => ({
  class: 'person',
  id: 0,
  score: 1,
  track,
  box: [x, 0, 10, 10],
});

describe('scores of a tracker', () => {
  it('are 1 when all is right', () => {
    const frames = Array.from({ length: 5 }, (_, i) => ({
      truth: [object(1, i), object(2, 50 - i)],
      detections: [found(7, i), found(9, 50 - i)],
    }));
    expect(motScores(frames)).toMatchObject({ mota: 1, idf1: 1, switches: 0 });
  });

  // Worked by hand: 10 objects, one missed, one false, one switch; identity 1 is track 7 for three frames of five.
  it('count misses, false positives and switches', () => {
    const frames = [0, 1, 2, 3, 4].map((i) => ({
      truth: [object(1, 0), object(2, 50)],
      detections: [
        found(i < 3 ? 7 : 8, 0),
        ...(i === 2 ? [] : [found(9, 50)]),
        ...(i === 4 ? [found(11, 90)] : []),
      ],
    }));
    const scores = motScores(frames);
    expect(scores).toMatchObject({ misses: 1, falsePositives: 1, switches: 1, objects: 10 });
    expect(scores.mota).toBeCloseTo(1 - 3 / 10, 9);
    expect(scores.idf1).toBeCloseTo((2 * (3 + 4)) / (10 + 10), 9);
  });

  it('keep a pair while it overlaps, though another track came nearer', () => {
    const frames = [
      { truth: [object(1, 0)], detections: [found(7, 0)] },
      { truth: [object(1, 0)], detections: [found(7, 3), found(8, 0)] },
    ];
    expect(motScores(frames)).toMatchObject({ switches: 0, falsePositives: 1, misses: 0 });
  });
});
