import { expect, it } from 'vitest';
import { Meter } from './meter.ts';

it('percentiles come from bins 2.3 % wide, whatever the number of frames', () => {
  const meter = new Meter();
  for (let i = 1; i <= 10_000; i++) meter.stage('work').add(i / 100);
  const { work } = meter.report();
  expect(work!.count).toBe(10_000);
  expect(work!.mean).toBeCloseTo(50.005, 2);
  expect(work!.p50 / 50).toBeCloseTo(1, 1);
  expect(work!.p95 / 95).toBeCloseTo(1, 1);
  expect(work!.max).toBe(100);
});

it('a stage without a queue reports none, and a stage that never worked is left out', () => {
  const meter = new Meter();
  meter.stage('silent').queue(3);
  meter.stage('work').add(1);
  const report = meter.report();
  expect(Object.keys(report)).toEqual(['work']);
  expect(report.work).not.toHaveProperty('queueMax');
});

it('the time of work that throws counts', async () => {
  const meter = new Meter();
  await expect(meter.stage('work').time(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(meter.report().work!.count).toBe(1);
});
