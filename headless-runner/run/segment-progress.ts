import type { FromPage, Segment } from '../../protocol/index.ts';

type Progress = Extract<FromPage, { type: 'progress' }>;

/** Makes one account of the progress of segments that are worked at side by side, perhaps in several passes. */
export class SegmentProgress {
  /** The last word of each segment in each pass. */
  readonly #last = new Map<string, Progress>();
  readonly #passes: number;
  readonly #source: string;
  readonly #frames: number;
  /** Seconds. */
  readonly #duration: number;

  /** @param passes over all segments: a frame counts for its part in each. */
  constructor(segments: readonly Segment[], passes: number, source: string) {
    this.#passes = passes;
    this.#source = source;
    this.#frames = segments.reduce((sum, { frames }) => sum + frames, 0);
    this.#duration = segments.reduce((sum, { firstTime, lastTime }) => sum + (lastTime - firstTime) / 1e6, 0);
  }

  /** @returns that of the whole. */
  moved(pass: string, { ordinal }: Segment, progress: Progress): Progress {
    this.#last.set(`${pass} ${ordinal}`, progress);
    const all = [...this.#last.values()];
    const sum = (of: (one: Progress) => number) => all.reduce((total, one) => total + of(one), 0);
    return {
      ...{ type: 'progress', source: this.#source },
      frames: Math.floor(sum(({ frames }) => frames) / this.#passes),
      of: this.#frames,
      // Of segments that are done none are.
      openFrames: sum(({ openFrames, frames, of }) => (frames === of ? 0 : openFrames)),
      time: sum(({ time }) => time) / this.#passes,
      duration: this.#duration,
    };
  }
}
