import { describe, expect, it } from 'vitest';
import { compareReports, scatterOfOne, unlike, unshared } from './compare.ts';
import type { Measure, Report } from './report.ts';

const machine: Report['machine'] = {
  processor: 'P',
  cores: 2,
  memoryGiB: 8,
  system: 'S',
  node: '20',
  browser: 'B',
  adapter: 'none',
  ffmpeg: null,
  versions: {},
  commit: null,
};

const report = (...measures: Measure[]): Report => ({
  v: 1,
  name: 'bench',
  made: '2026-01-01T00:00:00Z',
  seconds: 1,
  options: { size: '1280x720' },
  machine,
  sections: [{ id: 's', title: 'S', text: [], measures, charts: [] }],
});

const fps = (...values: number[]): Measure => ({
  id: 'fps',
  what: 'fps',
  unit: 'fps',
  values,
  better: 'higher',
});
const ms = (...values: number[]): Measure => ({ id: 'ms', what: 'ms', unit: 'ms', values, better: 'lower' });

const dropped = (value: number, better: Measure['better'] = 'lower'): Measure => ({
  ...{ id: 'dropped', what: 'dropped', unit: '%', values: [value], better },
});

describe('two reports', () => {
  it('a node that could keep up and now cannot is worse, though its figures are judged no more', () => {
    const [now] = compareReports(report(dropped(0)), report(dropped(95, null)));
    expect(now).toMatchObject({ verdict: 'worse' });
  });

  it('a frame of a hundred and fifty says nothing', () => {
    expect(compareReports(report(dropped(0)), report(dropped(0.67)))[0]).toMatchObject({ verdict: 'same' });
  });

  it('what fell by more than both spreads together is worse, what fell by less is the same', () => {
    const [worse] = compareReports(report(fps(100, 102, 98)), report(fps(90, 91, 89)));
    expect(worse).toMatchObject({ before: 100, after: 90, ratio: 0.9, verdict: 'worse' });
    const [same] = compareReports(report(fps(100, 110, 90)), report(fps(90, 95, 85)));
    expect(same!.verdict).toBe('same');
  });

  it('a time that fell is better', () => {
    expect(compareReports(report(ms(10, 10)), report(ms(5, 5)))[0]!.verdict).toBe('better');
  });

  it('a speed that was measured once may be a fifth off, a score may not', () => {
    const score = (value: number): Measure => ({ ...fps(value), id: 'ap', unit: '' });
    const [speed, ap] = compareReports(report(fps(100), score(0.5)), report(fps(85), score(0.48)));
    expect([speed!.verdict, ap!.verdict]).toEqual(['same', 'worse']);
  });

  it('what was measured once may be as far off as single rounds of the rest are', () => {
    // Rounds that scatter by some 40 %: whoever reads a single one may be as far off, twice.
    const noisy = (...more: Measure[]) => report(...more, { ...fps(80, 100, 90), id: 'rounds' });
    expect(scatterOfOne(noisy(), noisy())).toBeCloseTo(Math.hypot(0.478, 0.478), 2);
    const [speed] = compareReports(noisy(fps(100)), noisy(fps(60)));
    expect(speed!.verdict).toBe('same');
    expect(compareReports(noisy(fps(100)), noisy(fps(20)))[0]!.verdict).toBe('worse');
    expect(scatterOfOne(report(fps(1)), report(fps(1)))).toBe(0.2);
  });

  it('what only one of them has is named, not compared', () => {
    expect(compareReports(report(ms(10)), report(fps(5)))).toEqual([]);
    expect(unshared(report(ms(10)), report(fps(5)))).toEqual(['S: ms: only before', 'S: fps: only now']);
    // Sections that were not measured this time are missed by nobody.
    expect(unshared(report(ms(10)), { ...report(), sections: [] })).toEqual([]);
  });

  it('says in what their runs differ', () => {
    expect(unlike(report(), report())).toBeNull();
    const other = { ...report(), options: { size: '640x360' }, machine: { ...machine, cores: 8 } };
    expect(unlike(report(), other)).toBe('the runs differ in cores, size');
  });
});
