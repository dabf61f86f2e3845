import type { ErrorRecord } from './errors.ts';
import type { EventLine, SummaryEvent } from './events.ts';
import type { ProbeReport, Segment } from './grid/segment.ts';
import type { JobSpec } from './job-spec.ts';

/** What a worker of the page in the command's own browser is to do. */
export type PageWork =
  | {
      kind: 'run';
      job: JobSpec;
      /** Workers that share the machine's cores, this one among them. */
      workers: number;
      /** The part of the source that it is about; the whole where there is none. */
      segment?: Segment;
      /** Of a segment of a job that follows objects: whether it finds them, or draws those that were followed. */
      boxes?: 'found' | 'given';
      /** Under which id of a source those that were followed are read. */
      tracks?: string;
    }
  /** To encode the sound of a source that goes with its segments. */
  | { kind: 'sound'; job: JobSpec }
  /** To look at a source and cut it: into segments of about so many seconds, or into so many of one length. */
  | { kind: 'probe'; job: JobSpec; cut: { seconds: number } | { pieces: number } };

/**
 * What the command and a worker of the page in its own browser say to each other, over one WebSocket on loopback. Both
 * ends are of one build; whoever connects proves with the first message that it is of that page, and says which work it
 * is for.
 */
export type FromPage =
  | { type: 'hello'; token: string; work: number }
  | { type: 'events'; lines: EventLine[] }
  | { type: 'log'; message: string }
  | {
      type: 'progress';
      source: string;
      frames: number;
      of: number | null;
      openFrames: number;
      time: number;
      duration: number | null;
    }
  | { type: 'open-file'; file: number; output: string; name: string }
  /** The next message, a binary one, is what goes to that position. */
  | { type: 'write-file'; file: number; position: number }
  | { type: 'close-file'; file: number }
  | {
      type: 'done';
      summaries: SummaryEvent[];
      indexAtEnd: string[];
      /** Of a segment: when its first frame is shown, and its last, microseconds of the source. */
      shown?: { first: number; last: number };
    }
  | { type: 'probed'; report: ProbeReport }
  | { type: 'heard' }
  | { type: 'failed'; error: ErrorRecord };

export type ToPage =
  | { type: 'start'; work: PageWork }
  | { type: 'abort' }
  /** Bytes of a file that are on the disk now: the page sends on while few are outstanding. */
  | { type: 'written'; file: number; bytes: number }
  | { type: 'closed'; file: number }
  /** Event lines that are written where they belong. */
  | { type: 'read'; lines: number };

/** Path of the WebSocket, and of what the page fetches with `Authorization: Bearer <token>`. */
export const RUNNER_PATHS = {
  socket: '/session',
  source: (id: string) => `/source/${encodeURIComponent(id)}`,
  loss: (id: string) => `/source/${encodeURIComponent(id)}/loss`,
  picture: (id: string, index: number) => `/picture/${encodeURIComponent(id)}/${index}`,
  descriptor: (name: string) => `/model/${encodeURIComponent(name)}/descriptor`,
  model: (name: string) => `/model/${encodeURIComponent(name)}/bytes`,
  ort: '/ort/',
} as const;
