import type { BackendChoice } from '../../../../protocol/index.ts';

/** One paced stream: a source that is read at its own pace, stages, events that nobody keeps. */
export interface StreamRequest {
  token: string;
  origin: string;
  backend: BackendChoice;
  /** How much of the clip. */
  seconds: number;
  /** Names of the models that the server holds. */
  detect: string;
  depth: string | null;
}

/** What became of a stream. */
export interface StreamOutcome {
  /** When time 0 of it was: milliseconds since 1970. */
  began: number;
  /** Frames whose events came: their time in the clip, seconds, and when that was, milliseconds since 1970. */
  arrived: { time: number; at: number }[];
}

export type StreamReply = ({ type: 'done' } & StreamOutcome) | { type: 'error'; error: string };
