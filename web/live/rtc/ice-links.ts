import { bearer, type SdpEndpoint } from './sdp-exchange.ts';

/** Milliseconds that an endpoint may take to say it: one that does not holds nobody up. */
const PATIENCE = 3_000;

/**
 * Which STUN and TURN servers an endpoint has (RFC 9725, 4.6). What comes with its answer comes too late: the offer has
 * the candidates. Whoever wants no token has no credentials to tell, and is not asked: many an endpoint knows no such
 * question, of which the browser would complain.
 * @returns none where it does not say, for whatever reason: the offer finds out what is wrong.
 */
export async function askForIceServers(
  { url, token }: SdpEndpoint,
  gone: AbortSignal,
): Promise<RTCIceServer[]> {
  if (!token) return [];
  const signal = AbortSignal.any([gone, AbortSignal.timeout(PATIENCE)]);
  const answer = await fetch(url, { method: 'OPTIONS', headers: bearer(token), signal }).catch(() => null);
  return answer?.ok ? iceServersOf(answer.headers.get('link') ?? '') : [];
}

/** One link of several (RFC 8288, 3): its address, and its parameters. */
const LINK = /[\s,]*<([^>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(?=,|$)/gy;
const PARAMETER = /;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g;

/** What a `Link` header says of ICE servers, without those that no browser would take. */
export function iceServersOf(header: string): RTCIceServer[] {
  return [...header.matchAll(LINK)].flatMap(([, url = '', words = '']): RTCIceServer[] => {
    const parameters = new Map<string, string>();
    for (const [, name = '', quoted, plain = ''] of words.matchAll(PARAMETER)) {
      const key = name.toLowerCase();
      if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    if (!/(^|\s)ice-server(\s|$)/i.test(parameters.get('rel') ?? '')) return [];
    if (/^stuns?:./i.test(url)) return [{ urls: url }];
    const [username, credential] = [parameters.get('username'), parameters.get('credential')];
    return /^turns?:./i.test(url) && username && credential ? [{ urls: url, username, credential }] : [];
  });
}
