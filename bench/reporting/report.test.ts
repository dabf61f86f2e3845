import { describe, expect, it } from 'vitest';
import { reportPage } from './page.ts';
import { type Measure, type Report, shown, verdict, verdictInWords } from './report.ts';
import { sectionTable } from './table.ts';

const measure = (values: number[], asked?: Measure['asked']): Measure => ({
  ...{ id: 'a', what: 'a figure', unit: 'fps', values, better: 'higher' },
  ...(asked && { asked }),
});

describe('a figure', () => {
  it('is the median and the 95 % interval of the mean of its rounds', () => {
    expect(shown(measure([90, 100, 94]))).toBe('94.0 ± 12.5 fps');
    expect(shown(measure([0.912]))).toBe('0.912 fps');
    expect(shown(measure([]))).toBe('–');
  });

  it('reaches what is asked of its median', () => {
    expect(verdict(measure([0.8, 0.95, 0.91], { atLeast: 0.9 }))).toBe(true);
    expect(verdict(measure([11], { atMost: 10 }))).toBe(false);
    expect(verdict(measure([11]))).toBeNull();
    expect(verdict(measure([], { atMost: 10 }))).toBeNull();
  });

  it('says where its spread leaves open whether the next run reaches it too', () => {
    expect(verdictInWords(measure([0.95, 0.951, 0.949], { atLeast: 0.9 }))).toBe('reached');
    expect(verdictInWords(measure([0.8, 0.95, 0.91], { atLeast: 0.9 }))).toBe('reached, within the spread');
    expect(verdictInWords(measure([11, 9, 10.5], { atMost: 10 }))).toBe('NOT REACHED, within the spread');
    expect(verdictInWords(measure([11], { atMost: 10 }))).toBe('NOT REACHED');
    expect(verdictInWords(measure([11]))).toBeNull();
  });
});

const report: Report = {
  v: 1,
  name: 'bench',
  made: '2026-01-01T00:00:00.000Z',
  seconds: 3,
  options: { size: '1280x720' },
  machine: {
    ...{ processor: '</script><b>P', cores: 2, memoryGiB: 8, system: 'S', node: '20', browser: 'B' },
    ...{ adapter: 'none', ffmpeg: null, versions: { 'edge-runner': '1' }, commit: null },
  },
  sections: [
    {
      ...{ id: 's', title: 'A section', text: ['A word.'] },
      measures: [measure([1, 2, 3], { atLeast: 4 })],
      charts: [
        { kind: 'bars', title: 'Bars', unit: 'ms', bars: [{ name: 'ours', ours: true, values: [1, 2] }] },
      ],
    },
  ],
};

it('says on the terminal what was not reached', () => {
  expect(sectionTable(report.sections[0]!)).toContain('asked ≥ 4: NOT REACHED');
});

it('is one page that asks for nothing else, whatever a machine calls itself', () => {
  const page = reportPage(report);
  expect(page).not.toMatch(/(src|href)="(?!data:)/);
  expect(page).not.toContain('</script><b>');
  expect(page).toContain('uPlot');
});
