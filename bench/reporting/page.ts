import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import template from './page.html?raw';
import { askedInWords, type Report, shown, verdict } from './report.ts';
import { median } from './statistics.ts';

/** The report as one file that needs no other, in light and dark. */
export function reportPage(report: Report): string {
  const packages = createRequire(import.meta.url);
  const chart = (file: string) => readFileSync(packages.resolve(`uplot/dist/${file}`), 'utf8');
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
      note: measure.note ?? '',
    })),
  }));
  // A script ends where "</" stands, inside of strings too.
  const data = JSON.stringify({ ...report, sections }).replaceAll('<', '\\u003c');
  const parts: Record<string, string> = {
    '/* uPlot.css */': chart('uPlot.min.css'),
    '/* uPlot.js */': chart('uPlot.iife.min.js'),
    '/* data */': `const report = ${data};`,
  };
  return template.replace(/\/\* (uPlot\.css|uPlot\.js|data) \*\//g, (mark) => parts[mark]!);
}
