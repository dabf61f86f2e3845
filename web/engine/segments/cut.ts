import type { Segment } from '../../../protocol/index.ts';

/** Seconds of a segment, at least: below that starting costs more than sharing gains. */
export const LEAST_SEGMENT_SECONDS = 2;
/** Segments of one source, at most: longer ones where there would be more. */
export const MOST_SEGMENTS = 2_000;

export interface Cut {
  segments: Segment[];
  /** Why there is only one, in words; null where there are several. */
  whole: string | null;
}

/**
 * Cuts a source at keyframes, as evenly as these allow.
 * @param shown times at which its frames are shown, microseconds, in whatever order.
 * @param keys those of them that are keyframes.
 * @param seconds of a segment, about.
 */
export function cutSegments(shown: readonly number[], keys: readonly number[], seconds: number): Cut {
  const times = Float64Array.from(shown).sort();
  const [first, last] = [times[0]!, times.at(-1)!];
  const cuts = cutTimes(
    first,
    last,
    [...keys].sort((a, b) => a - b),
    seconds * 1e6,
  );
  const segments: Segment[] = [];
  let from = 0;
  for (const [ordinal, next] of [...cuts.slice(1), Number.POSITIVE_INFINITY].entries()) {
    let to = from;
    while (to < times.length && times[to]! < next) to++;
    segments.push({
      ...{ ordinal, firstFrame: from, frames: to - from },
      ...{ firstTime: times[from]!, lastTime: times[to - 1]! },
    });
    from = to;
  }
  return { segments, whole: segments.length > 1 ? null : whyWhole(last - first, keys, seconds * 1e6) };
}

/** Where segments begin: the keyframes nearest to an even division. */
function cutTimes(first: number, last: number, keys: readonly number[], wanted: number): number[] {
  const least = LEAST_SEGMENT_SECONDS * 1e6;
  const count = Math.min(MOST_SEGMENTS, Math.round((last - first) / Math.max(wanted, least)));
  const cuts = [first];
  let at = 0;
  for (let n = 1; n < count; n++) {
    const ideal = first + ((last - first) * n) / count;
    while (at + 1 < keys.length && Math.abs(keys[at + 1]! - ideal) <= Math.abs(keys[at]! - ideal)) at++;
    const key = keys[at];
    if (key !== undefined && key - cuts.at(-1)! >= least && last - key >= least) cuts.push(key);
  }
  return cuts;
}

function whyWhole(span: number, keys: readonly number[], wanted: number): string {
  if (span < 1.5 * Math.max(wanted, LEAST_SEGMENT_SECONDS * 1e6)) return 'it is short';
  if (keys.length <= 1) return 'it has one keyframe in all, and can only be decoded from its start';
  return 'its keyframes do not lie where it could be cut';
}
