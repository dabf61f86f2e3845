import { describe, expect, it } from 'vitest';
import { depthError, sampleUnder } from './depth-error.ts';

const mapOf = (values: number[]) => ({ values: Float32Array.from(values), width: values.length, height: 1 });
const TRUTH = [1 / 2, 1 / 5, 1 / 10, 1 / 20, 1 / 50, 0];

describe('depth error', () => {
  it('is none for the truth in another scale and with another shift', () => {
    const { absRel, delta } = depthError(mapOf(TRUTH.map((value) => 7 * value + 3)), TRUTH);
    expect(absRel).toBeLessThan(1e-5);
    expect(delta).toBe(1);
  });

  it('counts a px that is twice as far as it seems', () => {
    // Many right px hold the fit, so that the wrong one is off by its own factor.
    const truth = Array.from({ length: 1000 }, (_, i) => 1 / (3 + (i % 40)));
    const found = truth.map((value, i) => (i === 17 ? value * 2 : value));
    const { absRel, delta } = depthError(mapOf(found), truth);
    // Half of itself, and what it pulls the fit of all others by.
    expect(absRel).toBeGreaterThan(0.5 / 1000);
    expect(absRel).toBeLessThan(2 / 1000);
    expect(delta).toBeCloseTo(0.999, 3);
  });

  it('leaves the sky out', () => {
    const found = [...TRUTH.slice(0, 5), 123];
    expect(depthError(mapOf(found), TRUTH).absRel).toBeLessThan(1e-5);
  });
});

it('a smaller map is compared with the px under the middles of its own', () => {
  const picture = { values: Array.from({ length: 24 }, (_, i) => i), width: 6, height: 4 };
  expect([...sampleUnder(picture, 2, 2)]).toEqual([7, 10, 19, 22]);
});
