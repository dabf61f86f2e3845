import { expect, it } from 'vitest';
import type { FromPage, Segment } from '../../protocol/index.ts';
import { SegmentProgress } from './segment-progress.ts';

const segment = (ordinal: number, frames: number): Segment => ({
  ...{ ordinal, frames, firstFrame: 0, firstTime: 0, lastTime: frames * 1e5 },
  warmUp: { frame: 0, time: 0 },
  fps: 25,
});
const segments = [segment(0, 10), segment(1, 20)];

const said = (frames: number, of: number): Extract<FromPage, { type: 'progress' }> => ({
  ...{ type: 'progress', source: 'in', frames, of, openFrames: 3, time: frames / 10, duration: of / 10 },
});

it('the progress of segments is that of one run', () => {
  const progress = new SegmentProgress(segments, 1, 'in');
  expect(progress.moved('process', segments[1]!, said(5, 20))).toMatchObject({
    frames: 5,
    of: 30,
    duration: 3,
  });
  expect(progress.moved('process', segments[0]!, said(4, 10))).toMatchObject({ frames: 9, openFrames: 6 });
  // Begun again, after the browser died.
  expect(progress.moved('process', segments[1]!, said(0, 20))).toMatchObject({ frames: 4 });
  expect(progress.moved('process', segments[0]!, said(10, 10))).toMatchObject({ frames: 10, openFrames: 3 });
  expect(progress.moved('process', segments[1]!, said(20, 20))).toMatchObject({
    frames: 30,
    time: 3,
    openFrames: 0,
  });
});

it('a frame that is gone through twice is done after the second time', () => {
  const progress = new SegmentProgress(segments, 2, 'in');
  progress.moved('process', segments[0]!, said(10, 10));
  expect(progress.moved('process', segments[1]!, said(20, 20))).toMatchObject({
    frames: 15,
    of: 30,
    time: 1.5,
  });
  progress.moved('render', segments[0]!, said(10, 10));
  expect(progress.moved('render', segments[1]!, said(20, 20))).toMatchObject({ frames: 30, of: 30, time: 3 });
});
