import type { ErrorRecord } from '../errors.ts';
import type { JobSpec } from '../job-spec.ts';
import type { TaskOutcome, WrittenFile } from './messages.ts';
import type { Segment } from './segment.ts';

/** What a server and the thread in which it joins segments say to each other. Neither leaves the process. */

/** Name of the file that event lines are written to, of a whole job as of a segment. */
export const EVENTS_FILE = 'events.ndjson';

/** Name of the file of sound that was encoded apart from the pictures. */
export const SOUND_FILE = 'sound.mp4';
/** Of one read: no packet is larger, and who says so of one is not believed. */
export const MOST_READ_BYTES = 64 << 20;
/** Output of what is found in a segment, where a job itself wants no events. */
export const FOUND_OUTPUT = 'found';
/** In the sources of a node's work: where it reads who was followed through its segment. No id of a source is such. */
export const TRACKS = '~tracks';
/** Of a segment, by its place. */
export const tracksFile = (place: number): string => `${place}.ndjson`;

/** A segment that is done: its files in the store, and what its node said of it. */
export interface StitchPart {
  segment: Segment;
  outcome: TaskOutcome;
  video: string | null;
  events: string | null;
}

export interface StitchWork {
  /** Of one source. */
  spec: JobSpec;
  parts: StitchPart[];
  /** In the store, where it was encoded anew; the source's own where it is null. */
  sound: string | null;
  /** Milliseconds since 1970 at which the first of them was begun. */
  began: number;
  /**
   * To follow objects through all segments, for a second pass that draws them, or to join what there is: after such a
   * pass, or of segments in which objects are yet to be followed.
   */
  pass: 'follow' | 'stitch' | 'follow-and-stitch';
  /** Of the passes before the one that is joined. */
  before: TaskOutcome[];
}

/** What is read or written: of files in the store, by their key, or of the source. */
export type StitchRequest =
  | { what: 'size'; file: string | null }
  | { what: 'read'; file: string | null; start: number; end: number }
  | {
      what: 'write';
      output: string;
      name: string;
      index: number;
      sha256: string;
      bytes: Uint8Array<ArrayBuffer>;
    };

export type ToStitcher =
  | { type: 'start'; work: StitchWork }
  | { type: 'answer'; id: number; value: number | null | Uint8Array<ArrayBuffer> }
  | { type: 'refusal'; id: number; error: ErrorRecord };

export type FromStitcher =
  | { type: 'ask'; id: number; request: StitchRequest }
  | { type: 'progress'; frames: number }
  | { type: 'log'; message: string }
  | { type: 'done'; files: WrittenFile[]; outcome: TaskOutcome }
  /** `segment` is the place of the one that was at fault, where one was. */
  | { type: 'failed'; error: ErrorRecord; segment: number | null };
