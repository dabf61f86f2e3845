import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** The head of an answer, and its body as it comes. */
export interface HttpAnswer {
  status: number;
  statusText: string;
  header(name: string): string | null;
  /**
   * Chunks of the body; throws when the connection breaks, but only after everything that came before has been
   * yielded. (Web streams and `for await` over the message throw away what is queued.)
   */
  body: AsyncGenerator<Uint8Array, void>;
  /** Ends the connection. */
  discard(): void;
}

export interface HttpGet {
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** A server that sends nothing for this long is taken as gone, milliseconds. */
  silence: number;
}

const REDIRECTS = 10;
/** Bytes read and not yet taken; beyond it the connection is not read from. */
const HIGH_WATER = 16 << 20;

/** GETs an address, following redirects; credentials do not follow to another host. */
export async function httpGet(get: HttpGet): Promise<HttpAnswer> {
  let { url, headers } = get;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const message = await send({ ...get, url, headers });
    const location = message.headers.location;
    const status = message.statusCode ?? 0;
    if (![301, 302, 303, 307, 308].includes(status) || !location) return answerOf(message, get);
    message.destroy();
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol)) throw new Error(`it redirects to ${next.protocol}`);
    if (next.host !== new URL(url).host) headers = withoutCredentials(headers);
    url = next.href;
  }
  throw new Error(`it redirects more than ${REDIRECTS} times`);
}

function send({ url, headers, signal, silence }: HttpGet): Promise<IncomingMessage> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, signal, agent: false }, resolve);
    sent.on('error', reject);
    sent.setTimeout(silence, () => sent.destroy(new Error(`nothing came for ${silence / 1000} s`)));
    sent.end();
  });
}

function answerOf(message: IncomingMessage, { silence }: HttpGet): HttpAnswer {
  return {
    status: message.statusCode ?? 0,
    statusText: message.statusMessage ?? '',
    header: (name) => {
      const value = message.headers[name];
      return value === undefined ? null : String(value);
    },
    body: chunksOf(message, silence),
    discard: () => message.destroy(),
  };
}

/** Listens from the start: an error that nobody hears would end the process. */
function chunksOf(message: IncomingMessage, silence: number): AsyncGenerator<Uint8Array, void> {
  const queue: Uint8Array[] = [];
  let queued = 0;
  let ended = false;
  let failure: Error | null = null;
  let wake = () => {};
  message.on('data', (chunk: Uint8Array) => {
    queue.push(chunk);
    queued += chunk.byteLength;
    if (queued > HIGH_WATER) message.pause();
    wake();
  });
  message.on('end', () => {
    ended = true;
    wake();
  });
  message.on('error', (error) => {
    failure = error;
    wake();
  });
  message.on('close', () => {
    if (!ended) failure ??= new Error('the connection broke off');
    wake();
  });
  message.setTimeout(silence, () => message.destroy(new Error(`nothing came for ${silence / 1000} s`)));
  return (async function* () {
    try {
      while (true) {
        const chunk = queue.shift();
        if (chunk) {
          queued -= chunk.byteLength;
          if (queued <= HIGH_WATER) message.resume();
          yield chunk;
        } else if (ended) return;
        else if (failure) throw failure;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      message.destroy();
    }
  })();
}

const withoutCredentials = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)),
  );
