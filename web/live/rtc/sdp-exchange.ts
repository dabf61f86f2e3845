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
const PATIENCE = 30_000;
const PATIENCE_AT_END = 5_000;

/** @throws {EdgeRunnerError} as the endpoint says; `cors-refused`, `url-unreachable`, `url-status`, `input-not-media` */
export async function exchangeSdp({ url, token }: SdpEndpoint, offer: string): Promise<SdpSession> {
  const headers = { 'content-type': 'application/sdp', ...(token && { authorization: `Bearer ${token}` }) };
  const signal = AbortSignal.timeout(PATIENCE);
  const answered = await fetch(url, { method: 'POST', body: offer, headers, signal }).catch(() => null);
  if (!answered) throw await whyUnreadable(url, 'answers');
  if (!answered.ok) throw await refusalOf(url, answered);
  const answer = await answered.text();
  if (!answer.startsWith('v=0'))
    throw new EdgeRunnerError(
      'input-not-media',
      `${new URL(url).host} does not answer with SDP: this is no WHIP or WHEP address.`,
      'Take the address that the media server names for WHIP (sending) or WHEP (watching).',
    );
  const location = answered.headers.get('location');
  return {
    answer,
    end: async () => {
      if (!location) return;
      const session = new URL(location, url);
      // The page may be on its way out.
      await fetch(session, {
        method: 'DELETE',
        keepalive: true,
        signal: AbortSignal.timeout(PATIENCE_AT_END),
        ...(token && { headers: { authorization: headers.authorization! } }),
      }).catch(() => {});
    },
  };
}

async function refusalOf(url: string, answer: Response): Promise<EdgeRunnerError> {
  const told = fromProblem(await answer.json().catch(() => null));
  if (told) return told;
  const { host } = new URL(url);
  if (answer.status === 401 || answer.status === 403)
    return new EdgeRunnerError('token-missing', `${host} wants a token, or another one.`, 'Give its token.');
  return new EdgeRunnerError(
    'url-status',
    `${host} answers ${answer.status} for this address.`,
    'See that it is a WHIP or WHEP address, and that something is on air there.',
  );
}
