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
  'segments-unequal',
  'source-changed',
];

/** A source that this browser cannot read, and another one may. */
export const UNREADABLE: ErrorCode = 'input-codec';

/** Faults of the server or of an origin: time may help, another node does not. */
export const OF_ELSEWHERE: readonly ErrorCode[] = [
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

/** Faults of a source that another node may read. */
const OF_SOURCE: readonly ErrorCode[] = [UNREADABLE, 'input-decode', 'segment-short'];

/** Whether a failure speaks against the node that told it: a node whose every task fails is suspended. */
export const isOfNode = (code: ErrorCode): boolean =>
  ![...OF_JOB, ...OF_SOURCE, ...OF_ELSEWHERE].includes(code);
