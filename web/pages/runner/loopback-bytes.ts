import { UrlSource } from 'mediabunny';
import type { SourceBytes } from '../../engine/index.ts';
import { bytesOverHttp } from '../../node/http-bytes.ts';

/** The bytes of a source that the command serves from loopback. */
export function loopbackBytes(url: URL, headers: Record<string, string>): Omit<SourceBytes, 'loss'> {
  return {
    ...bytesOverHttp(({ headers: more, ...init }) =>
      fetch(url, { ...init, headers: { ...headers, ...(more as Record<string, string>) } }),
    ),
    source: new UrlSource(url, {
      requestInit: { headers },
      // The command has retried already where that made sense; loopback itself does not fail for a moment.
      getRetryDelay: () => null,
      // A read ahead that fails is no fault of its own: the read that needs the bytes meets it again.
      handleUnhandledError: () => {},
    }),
  };
}
