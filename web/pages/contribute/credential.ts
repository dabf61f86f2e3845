import { EdgeRunnerError, enrolledNode, fromProblem } from '../../../protocol/index.ts';
import { nameOfDevice } from './device.ts';

/** Where this browser keeps what it is to this server. */
const CREDENTIAL = 'edge-runner-credential';
/** Where this tab keeps the token of its link until it is a node. */
const TOKEN = 'edge-runner-token';

interface Kept {
  credential: string;
  /** sha256 of the token that it was exchanged for, hex. */
  token: string;
}

/**
 * The token of the link, which is in nobody's log there; it is not left where it can be seen. Until it has been of use
 * it is kept for this tab: a server that does not answer is asked again.
 */
export function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!token) return sessionStorage.getItem(TOKEN);
  history.replaceState(null, '', location.pathname);
  sessionStorage.setItem(TOKEN, token);
  return token;
}

/** It has been of use, or will never be. */
export const dropToken = (): void => sessionStorage.removeItem(TOKEN);

export const isKnown = (): boolean => kept() !== null;

/** Of no more use: the server does not know it any longer. */
export const forget = (): void => localStorage.removeItem(CREDENTIAL);

/** What somebody else wrote there is as good as nothing. */
function kept(): Kept | null {
  try {
    const read = JSON.parse(localStorage.getItem(CREDENTIAL) ?? 'null') as Partial<Kept> | null;
    return typeof read?.credential === 'string'
      ? { credential: read.credential, token: `${read.token}` }
      : null;
  } catch {
    return null;
  }
}

/**
 * What this browser was given before, or what an enrolment token is exchanged for. A link that is opened again makes no
 * second node.
 * @throws {EdgeRunnerError} as the server says; `token-missing`
 */
export async function credentialOf(token: string | null): Promise<string> {
  const before = kept();
  if (!token) {
    if (before) return before.credential;
    throw noToken();
  }
  const hash = await sha256(token);
  if (before?.token === hash) return before.credential;
  const answer = await fetch('/v1/nodes', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: nameOfDevice(), host: 'tab' }),
  }).catch((error: unknown) => {
    throw new EdgeRunnerError(
      'server-unreachable',
      'The server does not answer.',
      'See that it runs, and that this device is on its network; then try again.',
      { cause: error },
    );
  });
  const told: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw refusal(told, answer.status);
  const { credential } = enrolledNode.parse(told);
  localStorage.setItem(CREDENTIAL, JSON.stringify({ credential, token: hash } satisfies Kept));
  return credential;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
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

/** Whether the link will never be of use. */
export const isOfLink = ({ code }: { code: string }): boolean => code in WORDS;

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
