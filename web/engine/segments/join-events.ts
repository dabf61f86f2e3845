import {
  type EventLine,
  type FrameEvent,
  frameLine,
  type Segment,
  type SourceEvent,
  type StageStats,
  type StitchPart,
  type SummaryEvent,
  sourceLine,
  type TaskOutcome,
} from '../../../protocol/index.ts';
import type { SourceBytes } from '../host.ts';
import { BadSegmentError } from './join.ts';

/** Bytes that are read at a time. */
const CHUNK = 1 << 20;
/** Characters of one line, at most. */
const LONGEST_LINE = 1 << 24;

/**
 * The event lines of a source from those of its segments: one line of the source, every frame in order, no summary.
 * @param source its id.
 * @param emit gets those that were read at a time, of the segment at that place.
 * @param follow what becomes of each frame, where something remembers those before it; as it is without.
 * @throws {BadSegmentError} for a segment whose lines are not those of its frames.
 */
export async function joinEvents(
  source: string,
  parts: readonly Pick<StitchPart, 'segment'>[],
  openPart: (place: number) => Promise<Pick<SourceBytes, 'read'>>,
  emit: (lines: EventLine[], place: number) => Promise<void>,
  follow: ((frame: FrameEvent) => Promise<FrameEvent>) | null = null,
): Promise<void> {
  for (const [place, { segment }] of parts.entries()) {
    const reader = new SegmentLines(segment, source);
    for await (const lines of linesOf(await openPart(place))) {
      const wanted: EventLine[] = [];
      for (const line of lines) {
        const event = reader.read(line);
        if (event?.type === 'frame') wanted.push(follow ? await follow(event) : event);
        else if (event && place === 0) wanted.push(event);
      }
      await emit(wanted, place);
    }
    reader.end();
  }
}

/** Reads the lines of one segment, and holds them to what was planned of it. */
class SegmentLines {
  readonly #segment: Segment;
  readonly #source: string;
  #frames = 0;
  /** Microseconds. */
  #last = Number.NEGATIVE_INFINITY;
  #introduced = false;

  constructor(segment: Segment, source: string) {
    this.#segment = segment;
    this.#source = source;
  }

  /** @returns null for one that the whole has no use for. */
  read(line: string): SourceEvent | FrameEvent | null {
    const event = this.#parse(line);
    switch (event?.type) {
      case 'source':
        if (!sourceLine.safeParse(event).success || event.source !== this.#source || this.#introduced)
          throw this.#bad('its events do not begin with the source');
        this.#introduced = true;
        return event;
      case 'frame':
        this.#check(event);
        return event;
      case 'summary':
        return null;
      default:
        throw this.#bad('one of its events is of no kind that is known');
    }
  }

  end(): void {
    const { frames } = this.#segment;
    if (this.#frames !== frames) throw this.#bad(`it has events of ${this.#frames} frames, not ${frames}`);
  }

  #check(event: FrameEvent): void {
    const { firstFrame, firstTime, lastTime } = this.#segment;
    if (!frameLine.safeParse(event).success || event.source !== this.#source)
      throw this.#bad('one of its events is not that of a frame');
    if (event.frame !== firstFrame + this.#frames++) throw this.#bad(`it has events of frame ${event.frame}`);
    const time = Math.round(event.time * 1e6);
    if (time < firstTime || time > lastTime || time <= this.#last)
      throw this.#bad(`its frame ${event.frame} is said to be at ${time} µs`);
    this.#last = time;
  }

  #parse(line: string): EventLine | null {
    try {
      return JSON.parse(line) as EventLine | null;
    } catch {
      throw this.#bad('its events are not JSON');
    }
  }

  #bad(what: string): BadSegmentError {
    return new BadSegmentError(this.#segment, what);
  }
}

/** Whole lines, as many at a time as were read. */
async function* linesOf({ read }: Pick<SourceBytes, 'read'>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for (let at = 0; ; ) {
    const bytes = await read(at, at + CHUNK);
    at += bytes.byteLength;
    const lines = (rest + decoder.decode(bytes, { stream: bytes.byteLength > 0 })).split('\n');
    rest = lines.pop()!;
    if (rest.length > LONGEST_LINE) throw new Error('a line of events does not end');
    if (bytes.byteLength === 0) {
      if (rest !== '') lines.push(rest);
      yield lines;
      return;
    }
    yield lines;
  }
}

/**
 * What the summaries of segments come to.
 * @param seconds from the beginning of the first to the end of the last.
 * @param before outcomes of a pass over the same frames before this one.
 */
export function joinSummaries(
  source: string,
  parts: readonly StitchPart[],
  seconds: number,
  before: readonly TaskOutcome[] = [],
): SummaryEvent {
  const last = parts.map(({ outcome }) => outcome as unknown as SummaryEvent);
  const all = [...(before as unknown as SummaryEvent[]), ...last];
  const frames = last.reduce((sum, one) => sum + one.frames, 0);
  const losses = [...new Set(all.flatMap(({ loss }) => (loss === undefined ? [] : [loss])))];
  const names = new Set(all.flatMap(({ stages }) => Object.keys(stages ?? {})));
  return {
    ...{ v: 1, type: 'summary', source, frames },
    seconds: Number(seconds.toFixed(3)),
    fps: Number((frames / seconds).toFixed(2)),
    truncated: all.some(({ truncated }) => truncated),
    ...(losses.length > 0 && { loss: losses.join('; ') }),
    stages: Object.fromEntries(
      [...names].map((name) => [name, together(all.flatMap(({ stages }) => stages?.[name] ?? []))]),
    ),
    openFrames: {
      peak: Math.max(...all.map(({ openFrames }) => openFrames?.peak ?? 0)),
      end: all.reduce((sum, { openFrames }) => sum + (openFrames?.end ?? 0), 0),
    },
  };
}

/** Of several runs of a stage; percentiles are the highest of theirs. */
function together(stats: readonly StageStats[]): StageStats {
  const sum = (of: (one: StageStats) => number) => stats.reduce((all, one) => all + of(one), 0);
  const most = (of: (one: StageStats) => number) => Math.max(...stats.map(of));
  const [count, total] = [sum((one) => one.count), sum((one) => one.total)];
  return {
    ...{ count, total: Number(total.toFixed(3)), mean: Number((total / Math.max(1, count)).toFixed(3)) },
    p50: most(({ p50 }) => p50),
    p95: most(({ p95 }) => p95),
    max: most(({ max }) => max),
    ...(stats.some(({ queueMax }) => queueMax !== undefined) && {
      queueMean: Number((sum((one) => (one.queueMean ?? 0) * one.count) / Math.max(1, count)).toFixed(3)),
      queueMax: most(({ queueMax }) => queueMax ?? 0),
    }),
  };
}
