import { EdgeRunnerError, MOST_STREAMS } from '../../protocol/index.ts';

/** What a tab that publishes is told. */

export const UNKNOWN = new EdgeRunnerError(
  'message-invalid',
  'This message is none that a tab says here.',
  'Load the tab anew: it or the server is older than the other.',
);

export const taken = (name: string) =>
  new EdgeRunnerError(
    'conflict',
    `Another tab publishes "${name}".`,
    'Close that one, wait until its stream is idle, or take another name.',
  );

export const TOO_MANY = new EdgeRunnerError(
  'too-many-streams',
  `There are ${MOST_STREAMS} streams already, and no place for another name.`,
  'Publish by a name that there is, or delete streams that nobody wants any more.',
);

export const DELETED = new EdgeRunnerError(
  'not-found',
  'This stream was deleted.',
  'Publish it again to make another one of that name.',
);

export const REVOKED = new EdgeRunnerError(
  'token-revoked',
  'The token that this stream is published with is good no more.',
  'Ask whoever runs the server for another one.',
);
