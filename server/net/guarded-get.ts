import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { addAbortSignal, Readable } from 'node:stream';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { type AddressGuard, shown, unreachable } from './address-guard.ts';

const REDIRECTS = 5;
/** An origin from which nothing comes for this long, while more is wanted, is taken as gone; milliseconds. */
const SILENCE = 30_000;

export interface GuardedRequest {
  url: string;
  /** The user's; they are for the origin that they were given for, and no other. */
  headers: Record<string, string>;
  /** Bytes, both inclusive; an `end` of null is the last one. */
  range: { start: number; end: number | null } | null;
  signal: AbortSignal;
  /** Answers beside 2xx that are the caller's to deal with. */
  allowed?: readonly number[];
}

export interface GuardedAnswer {
  /** 200 to 299, or one that was allowed. */
  status: number;
  /** @param name in lower case. */
  header(name: string): string | null;
  /** Reads from the origin no faster than it is read; destroying it closes the connection. */
  body: Readable;
}

/**
 * GETs an address of a user's. Every hop of a redirect is judged anew by the guard; the user's headers are dropped for
 * good where it leaves the origin.
 * @throws {EdgeRunnerError} `address-refused`, `url-status`, `url-unreachable` (the body's own error, too, when the
 *   origin breaks off); what the signal was aborted with.
 */
export async function guardedGet(request: GuardedRequest, guard: AddressGuard): Promise<GuardedAnswer> {
  let { url, headers } = request;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const message = await send({ ...request, url, headers }, guard);
    const from = new URL(url);
    const { location } = message.headers;
    if (!REDIRECT.has(message.statusCode!) || !location) return answerOf(message, from, request);
    message.destroy();
    const to = redirected(from, location);
    if (to.origin !== from.origin) headers = {};
    url = to.href;
  }
  throw unreachable(new URL(request.url), `it redirects more than ${REDIRECTS} times`);
}

const REDIRECT: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

async function send(
  { url, headers, range, signal }: GuardedRequest,
  guard: AddressGuard,
): Promise<IncomingMessage> {
  const lookup = guard.lookupFor(url);
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  let silence: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const sent = request(url, { headers: headersOf(headers, range), signal, lookup, agent: false });
      silence = setTimeout(() => sent.destroy(silent()), SILENCE);
      sent.on('response', resolve);
      sent.on('error', reject);
      sent.end();
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EdgeRunnerError) throw error;
    throw unreachable(new URL(url), reasonOf(error), { cause: error });
  } finally {
    clearTimeout(silence);
  }
}

function headersOf(users: Record<string, string>, range: GuardedRequest['range']): Record<string, string> {
  const theirs = Object.entries(users).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    'user-agent': 'edge-runner',
    ...Object.fromEntries(theirs.filter(([name]) => !OURS.test(name))),
    ...(range && { range: `bytes=${range.start}-${range.end ?? ''}` }),
    'accept-encoding': 'identity',
  };
}

/**
 * Headers that say how the connection is used, or which host of an address is meant: with another `host` an allowed
 * address would open its neighbours behind the same proxy, and with a second framing one request would become two.
 */
const OURS =
  /^(host|range|accept-encoding|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|proxy-.*)$/;

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw unreachable(from, 'it redirects to what is no address');
  const to = new URL(location, from);
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw new EdgeRunnerError(
      'address-refused',
      `${shown(from)} redirects from https to http.`,
      'Give an address that stays with https.',
    );
  return to;
}

function answerOf(
  message: IncomingMessage,
  url: URL,
  { signal, allowed = [] }: GuardedRequest,
): GuardedAnswer {
  const status = message.statusCode!;
  if ((status < 200 || status > 299) && !allowed.includes(status)) {
    message.destroy();
    throw badStatus(url, status, message.statusMessage ?? '');
  }
  return {
    status,
    header: (name) => {
      const value = message.headers[name];
      return value === undefined ? null : String(value);
    },
    body: addAbortSignal(signal, bodyOf(message, url)),
  };
}

/** The clock of the silence runs only while more is wanted: a consumer may take as long as it likes over what it has. */
function bodyOf(message: IncomingMessage, url: URL): Readable {
  let silence: NodeJS.Timeout | undefined;
  const body = new Readable({
    read() {
      silence ??= setTimeout(() => fail(silent()), SILENCE);
      message.resume();
    },
    destroy(error, done) {
      clearTimeout(silence);
      message.destroy();
      done(error);
    },
  });
  const fail = (error: Error) => body.destroy(unreachable(url, reasonOf(error), { cause: error }));
  message.pause();
  message.on('data', (chunk: Buffer) => {
    clearTimeout(silence);
    silence = undefined;
    if (!body.push(chunk)) message.pause();
  });
  message.on('end', () => {
    clearTimeout(silence);
    body.push(null);
  });
  message.on('error', fail);
  return body;
}

const silent = () => new Error(`nothing came for ${SILENCE / 1000} s`);

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ECONNREFUSED: 'nothing answers there',
    ECONNRESET: 'the connection broke off',
  };
  return (code && words[code]) || message || String(code);
}

/** What may be otherwise in a moment is worth another try. */
const isPassing = (status: number): boolean => status >= 500 || status === 429 || status === 408;

const badStatus = (url: URL, status: number, text: string) =>
  new EdgeRunnerError(
    isPassing(status) ? 'url-unreachable' : 'url-status',
    `${shown(url)} answered ${`${status} ${text}`.trim()}.`,
    status === 401 || status === 403
      ? 'Give what it asks for with --header "Authorization: …", or a signed address.'
      : isPassing(status)
        ? "The fault is the origin's: try again later."
        : 'Check the address.',
  );
