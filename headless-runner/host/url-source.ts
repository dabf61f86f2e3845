import type { Request, Response } from 'express';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { sniff } from '../inspect/sniff.ts';
import { GrowingFile } from './growing-file.ts';
import { parseRange, type ServedSource, unreachable } from './served-source.ts';

/** Times that a connection which breaks off is taken up again where it stopped. */
const RETRIES = 4;
/** A server that sends nothing for this long is taken as gone, milliseconds. */
const SILENCE = 30_000;
/** Enough to tell media from a page that says something else. */
const HEAD_BYTES = 4096;

export interface UrlRequest {
  url: string;
  headers: Record<string, string>;
}

/**
 * Opens a URL: through ranged requests where the server answers them, else as a stream kept in a temporary file.
 * @throws {EdgeRunnerError} `url-status`, `url-not-media`, `url-unreachable`, `input-empty`
 */
export async function openUrl(request: UrlRequest): Promise<ServedSource> {
  const answer = await ask(request, 0);
  if (!answer.ok && answer.status !== 206) {
    await answer.body?.cancel();
    throw new EdgeRunnerError(
      'url-status',
      `${request.url} answered ${answer.status} ${answer.statusText}.`.replace(' .', '.'),
      answer.status === 401 || answer.status === 403
        ? 'Give what it asks for with --header "Authorization: …", or a signed address.'
        : 'Check the address.',
    );
  }
  const total = totalOf(answer);
  if (answer.status === 206 && total !== null) {
    const head = await readHead(answer);
    checkHead(request.url, head, answer);
    return new RangedUrl(request, total, answer.headers.get('etag'));
  }
  const file = await GrowingFile.start(guarded(answer.body), total);
  try {
    checkHead(request.url, await file.head(HEAD_BYTES), answer);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/** A URL whose server answers ranges: each of the page's requests becomes one to the origin, resumed when cut. */
class RangedUrl implements ServedSource {
  readonly #request: UrlRequest;
  readonly #size: number;
  readonly #etag: string | null;
  readonly #abort = new AbortController();
  #loss: string | null = null;

  constructor(request: UrlRequest, size: number, etag: string | null) {
    this.#request = request;
    this.#size = size;
    this.#etag = etag;
  }

  async serve(request: Request, response: Response): Promise<void> {
    const { start, end } = parseRange(request.headers.range);
    if (start >= this.#size) {
      response.status(416).set('content-range', `bytes */${this.#size}`).end();
      return;
    }
    const last = Math.min(end ?? this.#size - 1, this.#size - 1);
    response
      .status(206)
      .set({ 'content-range': `bytes ${start}-${last}/${this.#size}`, 'cache-control': 'no-store' });
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    let position = start;
    for await (const chunk of this.#read(start, last, gone.signal)) {
      position += chunk.byteLength;
      if (!response.write(chunk))
        await new Promise<void>((resolve) => {
          response.once('drain', resolve);
          response.once('close', resolve);
        });
    }
    // Short of the announced end the page sees the end of the data, as of a truncated file; `loss` says why.
    if (position <= last && !gone.signal.aborted)
      this.#loss ??= `${this.#request.url} broke off at byte ${position} of ${this.#size}`;
    response.end();
  }

  loss(): string | null {
    return this.#loss;
  }

  async close(): Promise<void> {
    this.#abort.abort();
  }

  async *#read(start: number, last: number, gone: AbortSignal): AsyncGenerator<Uint8Array> {
    const signal = AbortSignal.any([gone, this.#abort.signal]);
    let position = start;
    for (let failures = 0; position <= last && failures <= RETRIES && !signal.aborted; ) {
      const before = position;
      try {
        const answer = await ask(this.#request, position, signal);
        if (answer.status !== 206) throw new Error(`it answered ${answer.status}`);
        if (this.#etag !== null && answer.headers.get('etag') !== this.#etag)
          throw new Error('it changed while it was read');
        for await (const chunk of guarded(answer.body)) {
          const wanted = chunk.subarray(0, last + 1 - position);
          position += wanted.byteLength;
          yield wanted;
          if (position > last) return;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Error && error.message === 'it changed while it was read') {
          this.#loss = `${this.#request.url} changed while it was read`;
          return;
        }
      }
      failures = position > before ? 1 : failures + 1;
      if (position <= last) await pause(100 * 2 ** failures, signal);
    }
  }
}

async function ask(
  { url, headers }: UrlRequest,
  from: number,
  signal?: AbortSignal,
): Promise<globalThis.Response> {
  const silence = AbortSignal.timeout(SILENCE);
  // The time-out guards the answer's head only; its body is guarded chunk by chunk.
  const head = new AbortController();
  const stop = () => head.abort(silence.aborted ? new Error('it does not answer') : signal?.reason);
  silence.addEventListener('abort', stop, { once: true });
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await fetch(url, {
      headers: { ...headers, range: `bytes=${from}-`, 'accept-encoding': 'identity' },
      signal: head.signal,
    });
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error
        ? error.cause.message || (error.cause as NodeJS.ErrnoException).code
        : null;
    throw unreachable(url, cause ?? (error instanceof Error ? error.message : String(error)));
  } finally {
    silence.removeEventListener('abort', stop);
  }
}

/** The body, ended with an error when nothing comes for too long. */
async function* guarded(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  try {
    while (true) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing came for ${SILENCE / 1000} s`)), SILENCE);
      });
      const { done, value } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function readHead(answer: globalThis.Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of guarded(answer.body)) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size >= HEAD_BYTES) break;
    }
  } catch {
    // A break here is met again, and retried, by the reads that follow.
  }
  return Buffer.concat(chunks);
}

function checkHead(url: string, head: Uint8Array, answer: globalThis.Response): void {
  if (head.byteLength === 0)
    throw new EdgeRunnerError(
      'input-empty',
      `${url} answered with nothing.`,
      'Check the address; the server sent an empty body.',
    );
  if (sniff(head) !== null) return;
  const type = answer.headers.get('content-type') ?? 'no content type';
  throw new EdgeRunnerError(
    'url-not-media',
    `${url} answered with ${type}, which is not a video.`,
    'Give the address of the media file itself, not of the page around it.',
  );
}

function totalOf(answer: globalThis.Response): number | null {
  const range = /\/(\d+)$/.exec(answer.headers.get('content-range') ?? '');
  if (range) return Number(range[1]);
  const length = answer.headers.get('content-length');
  return answer.status === 200 && length && !answer.headers.has('content-encoding') ? Number(length) : null;
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
