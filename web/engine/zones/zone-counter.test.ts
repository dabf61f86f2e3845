import { describe, expect, it } from 'vitest';
import type { Detection } from '../../../protocol/index.ts';
import { distanceTo, ZoneCounter } from './zone-counter.ts';

/** Somebody whose feet are at x, y. */
const at = (track: number | undefined, x: number, y: number, name = 'person'): Detection => ({
  class: name,
  id: 0,
  score: 0.9,
  box: [x - 10, y - 50, 20, 50],
  ...(track !== undefined && { track }),
});
const SQUARE = {
  name: 'door',
  polygon: [
    [100, 100],
    [200, 100],
    [200, 200],
    [100, 200],
  ] as [number, number][],
};
const GATE = {
  name: 'gate',
  line: [
    [0, 100],
    [200, 100],
  ] as [[number, number], [number, number]],
};

describe('a polygon', () => {
  it('counts entries, exits, dwell and occupancy', () => {
    const counter = new ZoneCounter([SQUARE]);
    expect(counter.update(0, [at(1, 50, 150)])).toEqual([]);
    expect(counter.update(1, [at(1, 120, 150)])).toEqual([{ zone: 'door', event: 'enter', track: 1 }]);
    expect(counter.update(2, [at(1, 150, 150), at(2, 110, 110)])).toEqual([
      { zone: 'door', event: 'enter', track: 2 },
    ]);
    expect(counter.occupancy()).toEqual({ door: 2 });
    expect(counter.update(3.5, [at(1, 220, 150), at(2, 115, 110)])).toEqual([
      { zone: 'door', event: 'exit', track: 1, dwell: 2.5 },
    ]);
    expect(counter.totals()).toEqual({ door: { entries: 2, exits: 1, mostInside: 2, meanDwell: 2.5 } });
  });

  it('lets go of who is not seen any more, and not of who is hidden for a moment', () => {
    const counter = new ZoneCounter([SQUARE]);
    counter.update(0, [at(1, 150, 150)]);
    expect(counter.update(0.9, [])).toEqual([]);
    counter.update(1, [at(1, 150, 150)]);
    expect(counter.update(2.1, [])).toEqual([{ zone: 'door', event: 'exit', track: 1, dwell: 1 }]);
    expect(counter.occupancy()).toEqual({ door: 0 });
  });

  it('counts once whose feet the lower edge of the picture cuts, or who trembles on an edge', () => {
    const counter = new ZoneCounter([SQUARE]);
    for (const [i, y] of [150, 198, 200, 200, 199, 201, 200].entries())
      counter.update(i / 10, [at(1, 150, y)]);
    expect(counter.totals().door).toMatchObject({ entries: 1, exits: 0 });
    expect(counter.update(1, [at(1, 150, 203)])).toEqual([
      { zone: 'door', event: 'exit', track: 1, dwell: 1 },
    ]);
    expect(counter.update(1.1, [at(1, 150, 201)])).toEqual([]);
  });

  it('passes over what has no track, or is of another class', () => {
    const counter = new ZoneCounter([{ ...SQUARE, classes: ['car'] }]);
    expect(counter.update(0, [at(undefined, 150, 150, 'car'), at(1, 150, 150)])).toEqual([]);
    expect(counter.update(1, [at(2, 150, 150, 'car')])).toHaveLength(1);
  });

  it('may be of any shape', () => {
    // Like a U: the notch is outside.
    const u: [number, number][] = [
      [0, 0],
      [30, 0],
      [30, 30],
      [20, 30],
      [20, 10],
      [10, 10],
      [10, 30],
      [0, 30],
    ];
    expect(distanceTo(u, [5, 25])).toBe(0);
    expect(distanceTo(u, [25, 25])).toBe(0);
    expect(distanceTo(u, [15, 25])).toBe(5);
    expect(distanceTo(u, [15, 5])).toBe(0);
  });
});

describe('a line', () => {
  it('is crossed forward and backward', () => {
    const counter = new ZoneCounter([GATE]);
    counter.update(0, [at(1, 50, 80), at(2, 150, 130)]);
    expect(counter.update(1, [at(1, 50, 120), at(2, 150, 90)])).toEqual([
      { zone: 'gate', event: 'cross', track: 1, direction: 'forward' },
      { zone: 'gate', event: 'cross', track: 2, direction: 'backward' },
    ]);
    expect(counter.totals()).toEqual({ gate: { forward: 1, backward: 1 } });
  });

  it('is not crossed by who goes round its end', () => {
    const counter = new ZoneCounter([GATE]);
    counter.update(0, [at(1, 210, 80)]);
    expect(counter.update(1, [at(1, 260, 120)])).toEqual([]);
  });

  it('is crossed once by who trembles on it', () => {
    const counter = new ZoneCounter([GATE]);
    const feet = [80, 95, 99, 101, 100, 99.5, 101.5, 100, 104, 103, 110];
    const events = feet.flatMap((y, i) => counter.update(i, [at(1, 50, y)]));
    expect(events).toHaveLength(1);
  });

  it('is crossed by who jumps over it between two frames', () => {
    const counter = new ZoneCounter([GATE]);
    counter.update(0, [at(1, 50, 20)]);
    expect(counter.update(0.1, [at(1, 60, 180)])).toHaveLength(1);
  });
});
