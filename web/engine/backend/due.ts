import type { View } from '../../../kernels/index.ts';
import type { FrameInput, StreamSpec } from './backend.ts';

/** What is inferred of a frame; at least one of them. */
export interface Due {
  detect: boolean;
  depth: boolean;
}

/**
 * Which frames of a stream are inferred: every Nth of the source, the first that comes, and the first of another size
 * or turn, for boxes and maps lie in the view that they were found in.
 */
export class Schedule {
  readonly #stream: Pick<StreamSpec, 'detect' | 'depth'>;
  /** How the last frame that was inferred is shown. */
  #shown: string | null = null;

  constructor(stream: Pick<StreamSpec, 'detect' | 'depth'>) {
    this.#stream = stream;
  }

  /** Called once for each frame, in their order. @returns null when nothing is inferred of it. */
  next({ index, view }: Pick<FrameInput, 'index' | 'view'>): Due | null {
    const shown = shownAs(view);
    const first = this.#shown !== shown;
    const isDue = (stage: { options: { every: number } } | null) =>
      stage !== null && (first || index % stage.options.every === 0);
    const due = { detect: isDue(this.#stream.detect), depth: isDue(this.#stream.depth) };
    if (!due.detect && !due.depth) return null;
    this.#shown = shown;
    return due;
  }
}

const shownAs = ({ displayWidth, displayHeight, orientation: { rotation, flip } }: View) =>
  `${displayWidth} ${displayHeight} ${rotation} ${flip}`;
