import type { Compared } from './compare.ts';
import { askedInWords, type Section, shown, verdictInWords } from './report.ts';

/** A section for the terminal. */
export function sectionTable({ title, text, measures }: Section): string {
  const rows = measures.map((measure) => {
    const reached = verdictInWords(measure);
    const asked = reached === null ? '' : `asked ${askedInWords(measure)}: ${reached}`;
    return [measure.what, shown(measure), [asked, measure.note].filter(Boolean).join('; ')];
  });
  return `\n${title}\n${text.map((line) => `  ${line}\n`).join('')}${columns(rows)}`;
}

/** @param judged whether verdicts stand beside the ratios. */
export function comparisonTable(compared: Compared[], judged: boolean): string {
  const rows = compared.map(({ section, what, before, after, ratio, verdict: said }) => [
    `${section}: ${what}`,
    `${before.toPrecision(4)} → ${after.toPrecision(4)}`,
    Number.isNaN(ratio) ? '' : `× ${ratio.toFixed(3)}`,
    !judged || said === 'same' ? '' : said.toUpperCase(),
  ]);
  return columns(rows);
}

function columns(rows: string[][]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      `  ${row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i]!) : cell)).join('  ')}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
