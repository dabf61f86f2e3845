import { EdgeRunnerError, fromProblem } from '../../../protocol/index.ts';
import { whyUnreadable } from '../sources/addresses.ts';

/** An endpoint of WHIP (RFC 9725) or WHEP. */
export interface SdpEndpoint {
  url: string;
  /** Bearer token, where it wants one. */
  token?: string;
}

/** What an endpoint made of an offer. */
export interface SdpSession {
  answer: string;
  /** Ends the session at the endpoint; the connection is the caller's. */
  end(): Promise<void>;
}

/** Milliseconds that an endpoint may take to answer, and to hear of an end. */
const PATIENCE = 12_000;
const PATIENCE_AT_END = 5_000;

/**
 * @param gone nobody waits for it any more: it ends, and so does a session that has begun.
 * @throws {EdgeRunnerError} as the endpoint says; `cors-refused`, `url-unreachable`, `url-status`, `input-not-media`
 */
export async function exchangeSdp(
  { url, token }: SdpEndpoint,
  offer: string,
  gone: AbortSignal,
): Promise<SdpSession> {
  const late = AbortSignal.timeout(PATIENCE);
  const failed = (error: unknown) => {
    throw late.aborted && !gone.aborted ? silent(url, error) : error;
  };
  const answered = await fetch(url, {
    ...{ method: 'POST', body: offer, signal: AbortSignal.any([late, gone]) },
    headers: { 'content-type': 'application/sdp', ...bearer(token) },
  }).catch((error: unknown) => (late.aborted || gone.aborted ? failed(error) : null));
  if (!answered) throw await whyUnreadable(url, 'answers, those to OPTIONS too', HEADERS);
  if (!answered.ok) throw await refusalOf(url, answered);
  const location = answered.headers.get('location');
  const end = async () => {
    if (!location) return;
    // Of whoever answered: the offer may have been sent on to another address.
    const session = new URL(location, answered.url);
    const signal = AbortSignal.timeout(PATIENCE_AT_END);
    // The page may be on its way out.
    await fetch(session, { method: 'DELETE', keepalive: true, signal, headers: bearer(token) }).catch(
      () => {},
    );
  };
  try {
    const answer = await answered.text().catch(failed);
    if (!answer.startsWith('v=0')) throw noSdp(url);
    return { answer, end };
  } catch (error) {
    await end();
    throw error;
  }
}

export const bearer = (token: string | undefined): Record<string, string> =>
  token ? { authorization: `Bearer ${token}` } : {};

/** What a page of another origin needs besides, to send a token and SDP and to read where the session is. */
const HEADERS = [
  'Access-Control-Allow-Headers: authorization, content-type',
  'Access-Control-Expose-Headers: location',
];

const noSdp = (url: string) =>
  new EdgeRunnerError(
    'input-not-media',
    `${new URL(url).host} does not answer with SDP: this is no WHIP or WHEP address.`,
    'Take the address that the media server names for WHIP (sending) or WHEP (watching).',
  );

const silent = (url: string, cause: unknown) =>
  new EdgeRunnerError(
    'connection-lost',
    `${new URL(url).host} has not answered within ${PATIENCE / 1000} s.`,
    'See that it is a WHIP or WHEP address, and that something is on air there; then try again.',
    { cause },
  );

async function refusalOf(url: string, answer: Response): Promise<EdgeRunnerError> {
  const told = fromProblem(await answer.json().catch(() => null));
  // Whose page this is has a place for a token, and no headers.
  if (told && told.code !== 'token-missing') return told;
  const { host } = new URL(url);
  if (answer.status === 401 || answer.status === 403)
    return new EdgeRunnerError('token-missing', `${host} wants a token, or another one.`, 'Give its token.');
  return new EdgeRunnerError(
    'url-status',
    `${host} answers ${answer.status} for this address.`,
    'See that it is a WHIP or WHEP address, and that something is on air there.',
  );
}
