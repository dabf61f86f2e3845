import { EdgeRunnerError, enrolledNode, fromProblem } from '../../../protocol/index.ts';
import { nameOfDevice } from './device.ts';

/** Where this browser keeps what it is to this server. */
const CREDENTIAL = 'edge-runner-credential';

/** The token of the link, which is in nobody's log there; it is not left where it can be seen. */
export function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) history.replaceState(null, '', location.pathname);
  return token;
}

export const isKnown = (): boolean => localStorage.getItem(CREDENTIAL) !== null;

/** Of no more use: the server does not know it any longer. */
export const forget = (): void => localStorage.removeItem(CREDENTIAL);

/**
 * What this browser was given before, or what an enrolment token is exchanged for.
 * @throws {EdgeRunnerError} as the server says; `token-missing`
 */
export async function credentialOf(token: string | null): Promise<string> {
  const kept = localStorage.getItem(CREDENTIAL);
  if (kept && !token) return kept;
  if (!token) throw noToken();
  const answer = await fetch('/v1/nodes', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: nameOfDevice(), host: 'tab' }),
  }).catch((error: unknown) => {
    throw new EdgeRunnerError(
      'server-unreachable',
      'The server does not answer.',
      'See that it runs, and that this device is on its network; then load the page anew.',
      { cause: error },
    );
  });
  const told: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw refusal(told, answer.status);
  const { credential } = enrolledNode.parse(told);
  localStorage.setItem(CREDENTIAL, credential);
  return credential;
}

export const noToken = (): EdgeRunnerError =>
  new EdgeRunnerError(
    'token-missing',
    'This link holds no token.',
    'Ask whoever runs the server for a link that ends in #token=…',
  );

/** The server's words are for whoever made the token; who opened the link has only the link. */
const WORDS: Partial<Record<string, string>> = {
  'token-unknown': 'The server does not know the token of this link.',
  'token-revoked': 'This link was revoked: it lets nobody in any more.',
  'token-expired': 'This link has expired.',
  'scope-missing': 'The token of this link is not for joining.',
};

function refusal(told: unknown, status: number): EdgeRunnerError {
  const error = fromProblem(told);
  const words = error && WORDS[error.code];
  if (error && words)
    return new EdgeRunnerError(
      error.code,
      words,
      'Ask whoever gave it to you for a new one: "Add a node" in the dashboard of the server makes one.',
    );
  return (
    error ?? new EdgeRunnerError('server-refused', `The server answered ${status}.`, 'Tell whoever runs it.')
  );
}
