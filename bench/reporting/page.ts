import template from './page.html?raw';
import { askedInWords, type Report, shown, verdict, verdictInWords } from './report.ts';
import { selfContained } from './self-contained.ts';
import { median } from './statistics.ts';

/** The report as one file that needs no other, in light and dark. */
export function reportPage(report: Report): string {
  const sections = report.sections.map(({ measures, charts, ...section }) => ({
    ...section,
    charts: charts.map((one) =>
      one.kind === 'lines'
        ? one
        : {
            ...one,
            bars: one.bars.map(({ name, ours, values }) => ({
              name,
              ours,
              value: median(values),
              said: shown({ values, unit: one.unit }),
            })),
          },
    ),
    measures: measures.map((measure) => ({
      what: measure.what,
      said: shown(measure),
      asked: askedInWords(measure),
      reached: verdict(measure),
      verdict: verdictInWords(measure)?.toLowerCase() ?? '',
      note: measure.note ?? '',
    })),
  }));
  return selfContained(template, 'report', { ...report, sections });
}
