import { EdgeRunnerError } from '../../protocol/errors.ts';
import type { DownloadRequest, TransferOptions } from './download.ts';
import type { PartFile, PartNote } from './part-file.ts';

/** The transfer ended before the file did; asking again may help, unless it is `hopeless` from the first try. */
export class Cut extends Error {
  readonly hopeless: boolean;

  constructor(message: string, options: { hopeless?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hopeless = options.hopeless ?? false;
  }
}

/**
 * One request for what is missing of the file. A server that cannot or will not go on where the part ends sends the
 * whole file, and the part begins anew.
 * @param begun hears the validator of a file that begins anew.
 * @throws {Cut} when it should be asked again; {EdgeRunnerError} when not.
 */
export async function transfer(
  request: DownloadRequest<unknown>,
  options: TransferOptions,
  part: PartFile,
  note: PartNote | null,
  begun: (note: PartNote) => void,
): Promise<void> {
  const stall = new Watchdog(options.stallMs ?? STALL_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal;
  try {
    const response = await ask(request, options, part, note, signal);
    const total = await begin(response, request, part, begun);
    if ((total ?? 0) > request.maxBytes) throw tooLarge(request);
    const report = () => ({ name: request.name, received: part.received, total });
    options.onProgress?.({ kind: 'start', url: request.url, ...report() });
    for await (const chunk of response.body ?? []) {
      stall.feed();
      if (part.received + chunk.length > request.maxBytes) throw tooLarge(request);
      await part.append(chunk);
      options.onProgress?.({ kind: 'bytes', ...report() });
    }
    if (total !== null && part.received < total) throw new Cut('the connection was cut');
  } catch (error) {
    if (stall.signal.aborted) throw new Cut('the server fell silent');
    // What fetch throws for the network is a TypeError, in the request and in the body alike.
    if (error instanceof TypeError) throw networkFault(error);
    throw error;
  } finally {
    stall.stop();
  }
}

/** The refusal of a file that the network does not give. */
export const refused = (request: DownloadRequest<unknown>, why: string): EdgeRunnerError =>
  new EdgeRunnerError(
    'model-unavailable',
    `${request.name} could not be downloaded from ${request.url}: ${why}.`,
    request.remedy,
  );

const STALL_MS = 30_000;

async function ask(
  request: DownloadRequest<unknown>,
  options: TransferOptions,
  part: PartFile,
  note: PartNote | null,
  signal: AbortSignal,
): Promise<Response> {
  // Lengths and ranges count the bytes of the file only where nothing is compressed on the way.
  const headers = new Headers({ 'accept-encoding': 'identity' });
  if (part.received > 0 && (note?.validator || request.hashKnown)) {
    headers.set('range', `bytes=${part.received}-`);
    if (note?.validator) headers.set('if-range', note.validator);
  }
  const response = await (options.fetch ?? fetch)(request.url, { headers, signal, redirect: 'follow' });
  if (response.status === 206 || response.status === 200) return response;
  await response.body?.cancel();
  // The part is as long as the file or longer: not a part of this file.
  if (response.status === 416) {
    await part.restart({ url: request.url, validator: null });
    throw new Cut('the file has changed on the server');
  }
  const why = `the server answered ${response.status} ${response.statusText}`.trimEnd();
  if (response.status === 408 || response.status === 429 || response.status >= 500) throw new Cut(why);
  throw refused(request, why);
}

/** @returns length of the whole file, null where the server does not say. */
async function begin(
  response: Response,
  request: DownloadRequest<unknown>,
  part: PartFile,
  begun: (note: PartNote) => void,
): Promise<number | null> {
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel();
    throw refused(request, 'the answer is a web page, not a file');
  }
  if (response.status === 206) {
    const [, start, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
    if (start !== undefined && Number(start) === part.received) return total === '*' ? null : Number(total);
    await response.body?.cancel();
    await part.restart({ url: request.url, validator: null });
    throw new Cut('the server sent another part than the one asked for');
  }
  const note = { url: request.url, validator: validatorOf(response) };
  await part.restart(note);
  begun(note);
  const length = response.headers.get('content-length');
  const encoded = response.headers.get('content-encoding');
  return length !== null && (encoded === null || encoded === 'identity') ? Number(length) : null;
}

/** If-Range takes strong ETags and dates only (RFC 9110 §13.1.5). */
function validatorOf(response: Response): string | null {
  const etag = response.headers.get('etag');
  if (etag?.startsWith('"')) return etag;
  return response.headers.get('last-modified');
}

const tooLarge = (request: DownloadRequest<unknown>) =>
  new EdgeRunnerError(
    request.hashKnown ? 'model-hash' : 'model-invalid',
    `${request.url} sends more than the ${request.maxBytes} bytes that ${request.name} may have.`,
    request.remedy,
  );

/**
 * No name, nobody listening, no trusted certificate, an address that fetch itself refuses (no code): asking again a
 * second later gives the same answer.
 */
const HOPELESS =
  /^($|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

function networkFault(error: TypeError): Cut {
  const cause = error.cause as { code?: string; message?: string } | undefined;
  const code = cause?.code ?? '';
  const why =
    code === 'ENOTFOUND' || code === 'EAI_AGAIN'
      ? 'its server is not found from here'
      : // An AggregateError, one cause per address that was tried, has no words of its own.
        cause?.message || code || error.message;
  return new Cut(why, { hopeless: HOPELESS.test(code), cause: error });
}

/** Aborts when it was not fed for a while. */
class Watchdog {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  feed(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
