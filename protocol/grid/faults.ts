import type { ErrorCode } from '../errors.ts';

/** Faults of the job itself: no other node would do better, and none is to blame. */
const OF_JOB: readonly ErrorCode[] = [
  'job-invalid',
  'option-invalid',
  'zones-invalid',
  'input-empty',
  'input-not-media',
  'input-no-video',
  'input-no-frames',
  'input-truncated',
  'url-status',
  'url-not-media',
  'address-refused',
  'model-unknown',
  'model-invalid',
  'model-shape',
  'model-task',
  'output-container',
];

/** Faults of the server, of an origin, or of a source that another node may read: time or another node may help. */
const OF_OTHERS: readonly ErrorCode[] = [
  'input-codec',
  'input-decode',
  'url-unreachable',
  'model-unavailable',
  'model-hash',
  'disk-full',
  'server-fault',
  'server-unreachable',
  'database-unreachable',
  'rate-limited',
];

/** Whether an attempt that failed so is the last at its task. */
export const isFinal = (code: ErrorCode): boolean => OF_JOB.includes(code);

/** Whether a failure speaks against the node that told it: a node whose every task fails is suspended. */
export const isOfNode = (code: ErrorCode): boolean => !OF_JOB.includes(code) && !OF_OTHERS.includes(code);
