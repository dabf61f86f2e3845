import { expect, it } from 'vitest';
import { Appearance } from './appearance.ts';

it('comes and goes over a moment, and stays between', () => {
  const appearance = new Appearance(true, 10);
  expect(appearance.progress(10)).toBe(0);
  expect(appearance.progress(10.2)).toBeCloseTo(0.5, 6);
  expect(appearance.progress(10.4)).toBe(1);
  expect(appearance.progress(500)).toBe(1);
  appearance.show(false, 500);
  expect(appearance.progress(500.2)).toBeCloseTo(0.5, 6);
  expect(appearance.progress(501)).toBe(0);
});

it('turns round midway without a jump', () => {
  const appearance = new Appearance(true, 0);
  const before = appearance.progress(0.1);
  appearance.show(false, 0.1);
  expect(appearance.progress(0.1)).toBeCloseTo(before, 6);
  expect(appearance.progress(0.15)).toBeLessThan(before);
  expect(appearance.progress(0.21)).toBe(0);
});

it('told twice what it is told already, it does not begin anew', () => {
  const appearance = new Appearance(true, 0);
  appearance.show(true, 5);
  expect(appearance.progress(5)).toBe(1);
  expect(appearance.since).toBe(0);
});

it('what was never shown is not there', () => {
  expect(new Appearance(false, 0).progress(99)).toBe(0);
});
