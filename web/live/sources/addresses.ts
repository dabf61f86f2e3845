import { EdgeRunnerError } from '../../../protocol/index.ts';

/**
 * Why a browser did not get what is at an address: it says nothing of that itself, but a request that may not be read
 * tells whether anybody is there.
 * @param what of the thing that was wanted, for the sentence.
 */
export async function whyUnreadable(url: string, what: string): Promise<EdgeRunnerError> {
  const { host } = new URL(url, location.href);
  const answers = await fetch(url, {
    mode: 'no-cors',
    cache: 'no-store',
    signal: AbortSignal.timeout(5000),
  }).then(
    () => true,
    () => false,
  );
  if (answers)
    return new EdgeRunnerError(
      'cors-refused',
      `${host} answers, but does not let this page read it (CORS).`,
      `Have ${host} send "Access-Control-Allow-Origin: ${location.origin}" with the ${what}.`,
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
