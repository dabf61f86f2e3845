import type { BackendChoice, SummaryEvent } from '../../../../protocol/index.ts';

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

export type StreamReply = { type: 'done'; summary: SummaryEvent } | { type: 'error'; error: string };
