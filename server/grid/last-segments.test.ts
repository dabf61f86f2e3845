import { describe, expect, it } from 'vitest';
import type { Segment } from '../../protocol/index.ts';
import { LastSegments, type Paced, passOf, type Waiting } from './last-segments.ts';

const of = { job: 'j', source: 'in', kind: 'process' } as const;
const segment: Segment = {
  ...{ ordinal: 0, firstFrame: 0, frames: 100, firstTime: 0, lastTime: 1 },
  warmUp: { frame: 0, time: 0 },
  fps: 25,
};
/** Milliseconds; whatever is looked at happens now. */
const NOW = 100_000;

/** A node that took so many seconds for its last segment, and has had the next one for so long. */
const node = (id: string, seconds: number | null, had: number[] = [], slots = 1): Paced => ({
  ...{ id, slots },
  pace: seconds === null ? null : { pass: passOf(of), secondsPerFrame: seconds / 100 },
  held: new Map(had.map((since, i) => [`${id}-${i}`, { ...of, segment, since: NOW - 1000 * since }])),
});

const task = (waiting: number): Waiting => ({ ...of, frames: 100, waiting });

const takes = (one: Paced, others: Paced[], waiting: number, given = new Map<string, number>()) =>
  new LastSegments(given, NOW).shouldTake(one, [one, ...others], task(waiting));

describe('of the last segments of a source a slow node', () => {
  // Within its eight seconds each of these does eight, less what they are at.
  const fast = [node('a', 1, [0]), node('b', 1, [0.5])];

  it('takes one while there are more than the others do meanwhile, and none after that', () => {
    expect(takes(node('slow', 8), fast, 15)).toBe(true);
    expect(takes(node('slow', 8), fast, 14)).toBe(false);
  });

  it('takes one where the others are no faster', () => {
    expect(takes(node('slow', 8), [node('a', 8, [0]), node('b', 8, [7.9])], 2)).toBe(true);
    expect(takes(node('slow', 8), [node('a', 8, [0]), node('b', 7, [6.9])], 1)).toBe(false);
  });

  it('takes one while nobody knows how long it takes it, or the others', () => {
    expect(takes(node('new', null), fast, 1)).toBe(true);
    expect(takes(node('slow', 8), [node('a', null, [0]), node('b', null)], 1)).toBe(true);
    const elsewhere = { ...node('a', 1), pace: { pass: 'other', secondsPerFrame: 0.01 } };
    expect(takes(node('slow', 8), [elsewhere], 1)).toBe(true);
  });

  it('takes one where the others are busy with something else, or stuck', () => {
    const other = { ...of, job: 'k', segment: null, since: NOW };
    expect(takes(node('slow', 8), [{ ...node('a', 1), held: new Map([['x', other]]) }], 1)).toBe(true);
    expect(takes(node('slow', 8), [node('a', 1, [20])], 1)).toBe(true);
  });

  it('counts every slot of the others, and what they have just been given', () => {
    expect(takes(node('slow', 8), [node('a', 4, [0, 0], 2)], 2)).toBe(false);
    expect(takes(node('slow', 8), [node('a', 4, [0, 0], 2)], 3)).toBe(true);
    expect(takes(node('slow', 8), [node('a', 4)], 2)).toBe(false);
    expect(takes(node('slow', 8), [node('a', 4)], 2, new Map([['a', 1]]))).toBe(true);
  });

  it('is asked no more in the same look, and others are asked for what is left', () => {
    const last = new LastSegments(new Map(), NOW);
    const slow = node('slow', 8);
    expect(last.shouldTake(slow, [slow, ...fast], task(14))).toBe(false);
    expect(last.isIdle(slow, task(14))).toBe(true);
    expect(last.isIdle(fast[0]!, task(14))).toBe(false);
    expect(last.isIdle(slow, { ...task(14), job: 'k' })).toBe(false);
  });

  it('takes whatever is no segment', () => {
    const last = new LastSegments(new Map(), NOW);
    expect(last.shouldTake(node('slow', 8), fast, { ...of, frames: null, waiting: 0 })).toBe(true);
  });
});
