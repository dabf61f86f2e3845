/**
 * Every way a run can be refused or fail, with the exit code of the command.
 * 1: the job failed. 2: wrong usage or unusable input. 3: this machine lacks something. 130: interrupted.
 */
export const ERROR_EXIT = {
  usage: 2,
  'option-invalid': 2,
  'job-invalid': 2,
  'zones-invalid': 2,
  'banner-invalid': 2,
  'input-missing': 2,
  'input-unreadable': 2,
  'input-folder': 2,
  'input-empty': 2,
  'input-not-media': 2,
  'input-no-video': 2,
  'input-no-frames': 2,
  'input-codec': 2,
  'url-status': 2,
  'url-not-media': 2,
  'url-unreachable': 2,
  'model-unknown': 2,
  'model-hash': 2,
  'model-invalid': 2,
  'model-shape': 2,
  'model-task': 2,
  'model-unavailable': 2,
  'output-equals-input': 2,
  'output-unwritable': 2,
  'output-container': 2,
  'encoder-unsupported': 2,
  'input-truncated': 1,
  'input-decode': 1,
  'browser-died': 1,
  'output-write': 1,
  'model-run': 1,
  'engine-fault': 1,
  'browser-lacks': 3,
  // Of live sources and where they are sent.
  'source-refused': 2,
  'source-missing': 2,
  'source-busy': 2,
  'source-ended': 1,
  'cors-refused': 2,
  'connection-lost': 1,
  'no-browser': 3,
  'no-gpu': 3,
  'browser-launch': 3,
  // Of the grid.
  'server-unreachable': 3,
  'server-refused': 3,
  'certificate-unknown': 3,
  'no-service-manager': 3,
  'service-failed': 1,
  'port-taken': 3,
  'data-locked': 3,
  'data-unusable': 3,
  'token-missing': 3,
  'token-unknown': 3,
  'token-revoked': 3,
  'token-expired': 3,
  'scope-missing': 3,
  'node-revoked': 3,
  'build-too-old': 3,
  'message-invalid': 2,
  'request-invalid': 2,
  'address-refused': 2,
  'upload-missing': 2,
  'body-too-large': 2,
  'sdp-invalid': 2,
  'media-type': 2,
  'method-refused': 2,
  'trickle-refused': 2,
  'not-found': 2,
  conflict: 2,
  'banner-changed': 2,
  'stream-direction': 2,
  'stream-idle': 1,
  'stream-full': 1,
  'stream-unanswered': 1,
  'too-many-streams': 1,
  'viewer-refused': 1,
  'rate-limited': 1,
  stale: 1,
  'digest-mismatch': 1,
  'signature-invalid': 1,
  'disk-full': 1,
  'server-fault': 1,
  'database-unreachable': 3,
  'job-cancelled': 1,
  'task-dead': 1,
  'segment-short': 1,
  'segments-unequal': 1,
  'source-changed': 1,
  'lease-lost': 1,
  'task-stalled': 1,
  'node-lost': 1,
  interrupted: 130,
} as const;

export type ErrorCode = keyof typeof ERROR_EXIT;

/** What crosses a process or thread boundary in place of an {@link EdgeRunnerError}. */
export interface ErrorRecord {
  code: ErrorCode;
  message: string;
  remedy: string;
}

/** An error a person can act on: a stable code, one sentence, and what to do about it. */
export class EdgeRunnerError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EdgeRunnerError';
    this.code = code;
    this.remedy = remedy;
  }

  get exitCode(): number {
    return ERROR_EXIT[this.code];
  }

  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, remedy: this.remedy };
  }

  static fromRecord(record: ErrorRecord): EdgeRunnerError {
    return new EdgeRunnerError(record.code, record.message, record.remedy);
  }

  /** Any thrown value as an EdgeRunnerError; what we did not foresee is an `engine-fault`, with its own words kept. */
  static from(error: unknown): EdgeRunnerError {
    if (error instanceof EdgeRunnerError) return error;
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return new EdgeRunnerError(
      'engine-fault',
      message,
      'This is a fault of edge-runner: please report it with the command and the clip.',
      { cause: error },
    );
  }
}
