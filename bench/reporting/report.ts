import { median, spread } from './statistics.ts';

/** One figure: a value for each round, in the unit that stands beside it. */
export interface Measure {
  /** Stable over versions: what `--compare` goes by. */
  id: string;
  what: string;
  unit: string;
  values: number[];
  /** Which way is better; null for figures that only tell. */
  better: 'higher' | 'lower' | null;
  /** The least, or the most, that is asked of the median. */
  asked?: { atLeast: number } | { atMost: number };
  note?: string;
}

export type Chart =
  /** Bars of one unit, ours marked. */
  | { kind: 'bars'; title: string; unit: string; bars: { name: string; ours: boolean; values: number[] }[] }
  /** Lines over one axis. */
  | {
      kind: 'lines';
      title: string;
      x: { name: string; values: number[] };
      series: { name: string; unit: string; values: (number | null)[] }[];
    };

export interface Section {
  id: string;
  title: string;
  /** Paragraphs. */
  text: string[];
  measures: Measure[];
  charts: Chart[];
  /** How long the measuring took; absent while it goes on. */
  seconds?: number;
}

export interface Machine {
  processor: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  browser: string;
  adapter: string;
  ffmpeg: string | null;
  /** Of the packages that carry the work. */
  versions: Record<string, string>;
  /** Of this repository; null where it is none. */
  commit: string | null;
}

/** What `report.json` holds. */
export interface Report {
  v: 1;
  /** What was run: `bench`, `soak`. */
  name: string;
  /** ISO 8601. */
  made: string;
  seconds: number;
  options: Record<string, string>;
  machine: Machine;
  sections: Section[];
}

/** Stands for a section whose measuring failed. */
export function failedSection(name: string, error: unknown): Section {
  const why = error instanceof Error ? error.message.trim().split('\n')[0] : `${error}`;
  return { id: name, title: name, text: [`It failed: ${why}`], measures: [], charts: [] };
}

/** What a figure says of itself; null where nothing is asked. */
export function verdict({ values, asked }: Measure): boolean | null {
  if (!asked || values.length === 0) return null;
  const value = median(values);
  return 'atLeast' in asked ? value >= asked.atLeast : value <= asked.atMost;
}

/** The same in words: whether the next run would say so too is left open where the spread reaches what is asked. */
export function verdictInWords(measure: Measure): string | null {
  const reached = verdict(measure);
  if (reached === null) return null;
  const { values, asked } = measure;
  const bar = 'atLeast' in asked! ? asked.atLeast : asked!.atMost;
  const open = Math.abs(median(values) - bar) < spread(values);
  return `${reached ? 'reached' : 'NOT REACHED'}${open ? ', within the spread' : ''}`;
}

/** `92.3 ± 1.4 fps`. */
export function shown({ values, unit }: Pick<Measure, 'values' | 'unit'>): string {
  if (values.length === 0) return '–';
  const value = median(values);
  const around = spread(values);
  const digits = digitsOf(value, around);
  const said = around > 0 ? `${value.toFixed(digits)} ± ${around.toFixed(digits)}` : value.toFixed(digits);
  return unit ? `${said} ${unit}` : said;
}

export const askedInWords = ({ asked }: Measure): string =>
  asked ? ('atLeast' in asked ? `≥ ${asked.atLeast}` : `≤ ${asked.atMost}`) : '';

/** Three significant digits, one more where the spread is smaller than the last of them. */
function digitsOf(value: number, around: number): number {
  // What is counted has no digits.
  if (around === 0 && Number.isInteger(value)) return 0;
  const whole = Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))) + 1;
  const digits = Math.max(0, Math.min(4, 3 - whole));
  return around > 0 && around < 0.5 * 10 ** -digits ? Math.min(4, digits + 1) : digits;
}
