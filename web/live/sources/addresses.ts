import { EdgeRunnerError } from '../../../protocol/index.ts';

/**
 * Why a browser did not get what is at an address, of which it says nothing itself. A request whose answer nobody reads
 * tells whether anybody is there; a page that is isolated, as those with threads are, may not even make that.
 * @param what of the thing that was wanted, for the sentence.
 * @param more headers besides the first that have to come with it.
 */
export async function whyUnreadable(
  url: string,
  what: string,
  more: readonly string[] = [],
): Promise<EdgeRunnerError> {
  const { host } = new URL(url, location.href);
  const headers = [`Access-Control-Allow-Origin: ${location.origin}`, ...more];
  const allow = headers.map((header) => `"${header}"`).join(', ');
  if (globalThis.crossOriginIsolated)
    return new EdgeRunnerError(
      'cors-refused',
      `This page can read nothing from ${host}: it does not answer, or it does not let other pages read it (CORS).`,
      `Open the address in a tab of its own. If it answers there, have ${host} send ${allow} with the ${what}.`,
    );
  const init: RequestInit = { mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(5000) };
  const answers = await fetch(url, init).then(
    () => true,
    () => false,
  );
  if (answers)
    return new EdgeRunnerError(
      'cors-refused',
      `${host} answers, but does not let this page read it (CORS).`,
      `Have ${host} send ${allow} with the ${what}.`,
    );
  return new EdgeRunnerError(
    'url-unreachable',
    `${host} does not answer.`,
    'See that the address is right and reachable from this browser; a page over https reads no plain http.',
  );
}

/** @throws {EdgeRunnerError} `option-invalid` for what is no http(s) address. */
export function checkedAddress(address: string): string {
  const url = URL.parse(address.trim(), location.href);
  if (url && /^https?:$/.test(url.protocol) && address.trim() !== '') return url.href;
  throw new EdgeRunnerError(
    'option-invalid',
    `"${address.slice(0, 120)}" is no address.`,
    'An address begins with https:// or http://.',
  );
}
