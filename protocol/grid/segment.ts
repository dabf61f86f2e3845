import { z } from 'zod';

const micros = z.int().min(0);
const index = z.int().min(0);

/** Seconds of a segment, at least: below that starting costs more than sharing gains; and at most. */
export const LEAST_SEGMENT_SECONDS = 2;
export const MOST_SEGMENT_SECONDS = 86_400;
/** Where a job says nothing. */
export const USUAL_SEGMENT_SECONDS = 10;
/** Segments of one source, at most: longer ones where there would be more. */
export const MOST_SEGMENTS = 2_000;

/** A part of a source that begins at a keyframe, and what its frames are. Times are microseconds of the source. */
export const segment = z.object({
  /** Place in the order of the whole, from 0. */
  ordinal: index,
  /** Number, in the whole source, of its first frame. */
  firstFrame: index,
  /** Shown frames. */
  frames: z.int().min(1),
  /** When its first frame is shown, and its last one. */
  firstTime: micros,
  lastTime: micros,
  /**
   * The keyframe from which on frames are worked at for what the stages remember, without going out; that of the
   * segment itself where they remember nothing.
   */
  warmUp: z.object({ frame: index, time: micros }),
  /** Mean frames a second of the whole source; null where it does not say. */
  fps: z.number().positive().nullable(),
});
export type Segment = z.infer<typeof segment>;

/** What a source turned out to be, and how it is cut. */
export const probeReport = z
  .object({
    /** Shown frames, of the part that the job is about. */
    frames: z.int().min(1),
    codec: z.string().max(100),
    /** Whether its packets go into the output as they are. */
    copied: z.boolean(),
    /** What becomes of its sound in a video output. */
    sound: z.enum(['none', 'copied', 'encoded']),
    segments: z.array(segment).min(1).max(MOST_SEGMENTS),
    /** Why there is only one, in words; null where there are several. */
    whole: z.string().max(200).nullable(),
  })
  .refine(
    ({ frames, segments }) =>
      segments.reduce((sum, one) => sum + one.frames, 0) === frames &&
      segments.every((one, i) => {
        const before = segments[i - 1];
        return (
          one.ordinal === i &&
          one.lastTime >= one.firstTime &&
          one.warmUp.frame <= one.firstFrame &&
          one.warmUp.time <= one.firstTime &&
          (!before ||
            (one.firstFrame === before.firstFrame + before.frames && one.firstTime > before.lastTime))
        );
      }),
    'segments that do not follow each other',
  );
export type ProbeReport = z.infer<typeof probeReport>;
