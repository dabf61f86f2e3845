import { LEAST_SEGMENT_SECONDS, MOST_SEGMENTS, type Segment } from '../../../protocol/index.ts';

export interface Clip {
  /** Times at which its frames are shown, microseconds, in whatever order. */
  shown: readonly number[];
  /** Those of them that are keyframes. */
  keys: readonly number[];
  /** Number, in the whole source, of the first that is shown. */
  firstFrame: number;
  /** Mean frames a second of the whole; null where it does not say. */
  fps: number | null;
}

export interface CutOptions {
  /** Of a segment, about. */
  seconds: number;
  /** How many frames before a frame, by its number in the whole source, the stages remember. */
  memory(frame: number): number;
}

export interface Cut {
  segments: Segment[];
  /** Why there is only one, in words; null where there are several. */
  whole: string | null;
}

/** Cuts a source at keyframes, as evenly as these allow. */
export function cutSegments({ shown, keys, firstFrame, fps }: Clip, { seconds, memory }: CutOptions): Cut {
  const times = Float64Array.from(shown).sort();
  const ordered = Float64Array.from(keys).sort();
  const span = times.at(-1)! - times[0]!;
  const cuts = cutTimes(times[0]!, span, ordered, seconds * 1e6);
  const segments: Segment[] = [];
  let from = 0;
  for (const [ordinal, next] of [...cuts.slice(1), Number.POSITIVE_INFINITY].entries()) {
    let to = from;
    while (to < times.length && times[to]! < next) to++;
    const start = keyBefore(times, ordered, Math.max(0, from - memory(firstFrame + from)));
    segments.push({
      ...{ ordinal, firstFrame: firstFrame + from, frames: to - from },
      ...{ firstTime: times[from]!, lastTime: times[to - 1]! },
      warmUp: { frame: firstFrame + start, time: times[start]! },
      fps,
    });
    from = to;
  }
  return { segments, whole: segments.length > 1 ? null : whyWhole(span, ordered, seconds * 1e6) };
}

/** Where segments begin: the keyframes nearest to an even division. */
function cutTimes(first: number, span: number, keys: Float64Array, wanted: number): number[] {
  const least = LEAST_SEGMENT_SECONDS * 1e6;
  const count = Math.min(MOST_SEGMENTS, Math.round(span / Math.max(wanted, least)));
  const cuts = [first];
  let at = 0;
  for (let n = 1; n < count; n++) {
    const ideal = first + (span * n) / count;
    while (at + 1 < keys.length && Math.abs(keys[at + 1]! - ideal) <= Math.abs(keys[at]! - ideal)) at++;
    const key = keys[at];
    if (key !== undefined && key - cuts.at(-1)! >= least && first + span - key >= least) cuts.push(key);
  }
  return cuts;
}

/** Place of the last keyframe at or before a place; of the first frame where there is none. */
function keyBefore(times: Float64Array, keys: Float64Array, place: number): number {
  const next = firstAfter(keys, times[place]!);
  return next === 0 ? 0 : Math.max(0, firstAfter(times, keys[next - 1]! - 1));
}

/** Place of the first of ordered times, whole microseconds, that is later; their number where there is none. */
function firstAfter(times: Float64Array, time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

function whyWhole(span: number, keys: Float64Array, wanted: number): string {
  if (span < 1.5 * Math.max(wanted, LEAST_SEGMENT_SECONDS * 1e6)) return 'it is short';
  if (keys.length <= 1) return 'it has one keyframe in all, and can only be decoded from its start';
  return 'its keyframes do not lie where it could be cut';
}
