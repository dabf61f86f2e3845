import { describe, expect, it } from 'vitest';
import type { Detection } from '../../../protocol/index.ts';
import { Tracker } from './tracker.ts';

const found = (x: number, y: number, score = 0.9, id = 0): Detection => ({
  class: id === 0 ? 'person' : 'car',
  id,
  score,
  box: [x, y, 40, 100],
});

describe('a tracker', () => {
  it('gives an object one number from the second time it is seen', () => {
    const tracker = new Tracker(30);
    expect(tracker.update([found(10, 50)])[0]!.track).toBeUndefined();
    const ids = Array.from({ length: 50 }, (_, i) => tracker.update([found(13 + 3 * i, 50)])[0]!.track);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toBe(1);
  });

  it('keeps two apart that walk past each other', () => {
    const tracker = new Tracker(30);
    const ids: (number | undefined)[][] = [];
    for (let i = 0; i <= 60; i++) {
      // Steps of 5 px in opposite directions, one a little lower.
      const both = tracker.update([found(100 + 5 * i, 50), found(400 - 5 * i, 75)]);
      ids.push(both.map(({ track }) => track));
    }
    expect(ids.at(-1)).toEqual(ids[2]);
    expect(ids.at(-1)![0]).not.toBe(ids.at(-1)![1]);
  });

  it('finds one again who was hidden for half a second, where it had to be', () => {
    const tracker = new Tracker(30);
    let id: number | undefined;
    for (let i = 0; i < 20; i++) id = tracker.update([found(4 * i, 50)])[0]!.track;
    for (let i = 20; i < 35; i++) tracker.update([]);
    expect(tracker.update([found(4 * 35, 50)])[0]!.track).toBe(id);
  });

  it('forgets after a second', () => {
    const tracker = new Tracker(30);
    for (let i = 0; i < 5; i++) tracker.update([found(100, 50)]);
    for (let i = 0; i < 31; i++) tracker.update([]);
    tracker.update([found(100, 50)]);
    expect(tracker.update([found(100, 50)])[0]!.track).toBe(2);
  });

  it('goes on with what became unsure, and starts nothing with it', () => {
    const tracker = new Tracker(30);
    for (let i = 0; i < 5; i++) tracker.update([found(100, 50)]);
    expect(tracker.update([found(102, 50, 0.2)])[0]!.track).toBe(1);
    const other = new Tracker(30);
    for (let i = 0; i < 5; i++) expect(other.update([found(100, 50, 0.2)])[0]!.track).toBeUndefined();
  });

  it('does not take a car for a person', () => {
    const tracker = new Tracker(30);
    for (let i = 0; i < 5; i++) tracker.update([found(100, 50)]);
    expect(tracker.update([found(100, 50, 0.9, 1)])[0]!.track).toBeUndefined();
  });

  it('shows between two looks also what it has seen only once, without a number', () => {
    const tracker = new Tracker(30);
    tracker.update([found(100, 50)]);
    expect(tracker.coast()).toEqual([expect.objectContaining({ box: [100, 50, 40, 100] })]);
    expect(tracker.coast()[0]!.track).toBeUndefined();
    expect(tracker.update([found(100, 50)])[0]!.track).toBe(1);
  });

  it('shows between two looks the width that was found, and follows one that turns', () => {
    const tracker = new Tracker(30);
    const turning = (i: number): Detection => ({ ...found(100, 50), box: [100 - i, 50, 40 + 2 * i, 100] });
    for (let i = 0; i < 15; i++) tracker.update([turning(2 * i)]);
    const [coasted] = tracker.coast();
    expect(Math.abs(coasted!.box[2] - turning(29).box[2])).toBeLessThan(3);
    expect(Math.abs(coasted!.box[0] - turning(29).box[0])).toBeLessThan(3);
  });

  it('moves boxes on over frames that nobody looked at', () => {
    const tracker = new Tracker(30);
    for (let i = 0; i < 20; i++) tracker.update([found(10 * i, 50)]);
    const [coasted] = tracker.coast();
    expect(coasted!.track).toBe(1);
    expect(coasted!.box[0]).toBeCloseTo(200, -0.5);
    expect(tracker.update([found(210, 50)])[0]!.track).toBe(1);
  });
});
