import type { ErrorRecord } from './errors.ts';
import type { EventLine, SummaryEvent } from './events.ts';
import type { JobSpec } from './job-spec.ts';

/**
 * What the command and the page in its own browser say to each other, over one WebSocket on loopback. Both ends are
 * of one build; whoever connects proves with the first message that it is that page.
 */
export type FromPage =
  | { type: 'hello'; token: string }
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
  | { type: 'done'; summaries: SummaryEvent[]; indexAtEnd: string[] }
  | { type: 'failed'; error: ErrorRecord };

export type ToPage =
  | { type: 'start'; job: JobSpec }
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
