import type { Measure, Report } from './report.ts';
import { median, spread } from './statistics.ts';

export interface Compared {
  section: string;
  what: string;
  before: number;
  after: number;
  /** After ÷ before. */
  ratio: number;
  /** `worse` and `better` only beyond what both runs scatter by. */
  verdict: 'same' | 'better' | 'worse' | 'differs';
}

/** Figures that do not scatter, such as scores, may still differ in their last digit. */
const LEAST_CHANGE = 0.01;
/** Of a speed or a time that was measured once nobody knows the spread: at least that of a machine that does more. */
const LEAST_OF_ONE = 0.2;
/** What {@link scatterOfOne} goes by, rounds. */
const ROUNDS = 3;
/** Of a hundred points less than of a figure: five. */
const SHARE_OF_POINTS = 0.25;
const SCATTERING = ['fps', 's', 'ms', '×', '%', 'GFLOP/s'];

/**
 * How far apart two speeds or times may be that were measured once each, as a share: as the single rounds of what the
 * same runs measured several times are, in the median of those figures.
 */
export function scatterOfOne(before: Report, after: Report): number {
  const shares = [before, after].map(({ sections }) => {
    const each = sections
      .flatMap(({ measures }) => measures)
      .filter(({ values, unit, better }) => better && values.length >= ROUNDS && SCATTERING.includes(unit))
      .map(({ values }) => (spread(values) * Math.sqrt(values.length)) / Math.abs(median(values)));
    return each.length > 0 ? median(each) : 0;
  });
  return Math.max(LEAST_OF_ONE, Math.hypot(...shares));
}

/** Every figure that two reports share. */
export function compareReports(before: Report, after: Report): Compared[] {
  const ofOne = scatterOfOne(before, after);
  return after.sections.flatMap((section) => {
    const old = before.sections.find(({ id }) => id === section.id);
    return section.measures.flatMap((measure) => {
      const same = old?.measures.find(({ id }) => id === measure.id);
      if (!same || same.values.length === 0 || measure.values.length === 0) return [];
      return [compared(section.title, same, measure, ofOne)];
    });
  });
}

function compared(section: string, old: Measure, measure: Measure, ofOne: number): Compared {
  const [before, after] = [median(old.values), median(measure.values)];
  const once = Math.min(old.values.length, measure.values.length) < 2 && SCATTERING.includes(measure.unit);
  // Shares may be nought, and are told from nought by points, not by parts.
  const whole = measure.unit === '%' ? 100 : Math.abs(before);
  const least = once
    ? ofOne * (measure.unit === '%' ? SHARE_OF_POINTS : 1) * whole
    : LEAST_CHANGE * Math.abs(before);
  // What has become too much to be judged was judged before.
  const wanted = measure.better ?? old.better;
  const scatter = spread(old.values) + spread(measure.values) + least;
  const change = after - before;
  const verdict =
    Math.abs(change) <= scatter
      ? 'same'
      : wanted === null
        ? 'differs'
        : change > 0 === (wanted === 'higher')
          ? 'better'
          : 'worse';
  return {
    section,
    what: measure.what,
    before,
    after,
    ratio: before === 0 ? Number.NaN : after / before,
    verdict,
  };
}

/** What only one of them has, in words: a figure that is gone may have been the bad one. */
export function unshared(before: Report, after: Report): string[] {
  const idsOf = ({ sections }: Report) =>
    new Map(
      sections.flatMap(({ id, title, measures }) =>
        measures.map((one) => [`${id} ${one.id}`, `${title}: ${one.what}`]),
      ),
    );
  const [old, now] = [idsOf(before), idsOf(after)];
  // A section that was not asked for is nothing that went away.
  const measured = new Set(after.sections.map(({ id }) => id));
  return [
    ...[...old]
      .filter(([id]) => !now.has(id) && measured.has(id.split(' ')[0]!))
      .map(([, what]) => `${what}: only before`),
    ...[...now].filter(([id]) => !old.has(id)).map(([, what]) => `${what}: only now`),
  ];
}

/** Why two reports should not be compared, in words; null when they may. */
export function unlike(before: Report, after: Report): string | null {
  const differing = (['processor', 'cores', 'adapter'] as const).filter(
    (key) => before.machine[key] !== after.machine[key],
  );
  const options = Object.keys(after.options).filter((key) => before.options[key] !== after.options[key]);
  const all = [...differing, ...options];
  return all.length > 0 ? `the runs differ in ${all.join(', ')}` : null;
}
