import type { ErrorRecord, TaskOutcome, WrittenFile } from '../../protocol/index.ts';
import type { GridAttempt } from './grid-host.ts';

/** What a node's session and the worker of one attempt say to each other. */
export type ToAttempt =
  | { type: 'start'; base: string; attempt: GridAttempt; ortBase: string }
  /** It is its turn. */
  | { type: 'begin' }
  | { type: 'sources'; sources: Record<string, string> }
  /** Of the time, up to 1. */
  | { type: 'share'; share: number }
  /** Whether somebody looks. */
  | { type: 'preview'; wanted: boolean };

export type FromAttempt =
  | { type: 'progress'; frames: number; of: number | null }
  | { type: 'log'; message: string }
  /** Of a segment: all is done but for sending the last of it. */
  | { type: 'worked' }
  | { type: 'preview'; picture: ImageBitmap }
  | { type: 'done'; files: WrittenFile[]; outcome: TaskOutcome }
  | { type: 'failed'; error: ErrorRecord };
