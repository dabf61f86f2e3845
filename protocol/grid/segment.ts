import { z } from 'zod';

const micros = z.int().min(0);

/** A part of a source that begins at a keyframe, and what its frames are. Times are microseconds of the source. */
export const segment = z.object({
  /** Place in the order of the whole, from 0. */
  ordinal: z.int().min(0),
  /** Number, in the whole source, of its first frame. */
  firstFrame: z.int().min(0),
  /** Shown frames. */
  frames: z.int().min(1),
  /** When its first frame is shown, and its last one. */
  firstTime: micros,
  lastTime: micros,
});
export type Segment = z.infer<typeof segment>;
