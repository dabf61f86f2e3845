import type { Request, Response } from 'express';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { type FileMark, markOf, maySame } from '../../server/net/file-mark.ts';
import { sniff } from '../inspect/sniff.ts';
import { GrowingFile } from './growing-file.ts';
import { type HttpAnswer, httpGet } from './http-get.ts';
import { changed, parseRange, type ServedSource, unreachable } from './served-source.ts';

/** Times that a connection which breaks off without a byte is taken up again where it stopped. */
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
 * @param way `whole`: as a stream in any case, which is what is left when not every range can be had.
 * @throws {EdgeRunnerError} `url-status`, `url-not-media`, `url-unreachable`, `input-empty`
 */
export async function openUrl(
  request: UrlRequest,
  signal: AbortSignal,
  way: 'ranged' | 'whole' = 'ranged',
): Promise<ServedSource> {
  const answer = await ask(request, 0, signal).catch((error: unknown) => {
    throw unreachable(request.url, reasonOf(error));
  });
  if (answer.status < 200 || answer.status > 299) {
    answer.discard();
    throw refused(request.url, answer);
  }
  const mark = markOf(answer);
  if (answer.status === 206 && mark.bytes !== null && way === 'ranged') {
    checkHead(request.url, await readHead(answer), answer);
    return new RangedUrl(request, mark.bytes, mark);
  }
  const file = await GrowingFile.start(answer.body, mark.bytes);
  try {
    checkHead(request.url, await file.head(HEAD_BYTES), answer);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A URL whose server answers ranges: each of the page's requests becomes one to the origin, resumed when cut. */
class RangedUrl implements ServedSource {
  readonly #request: UrlRequest;
  readonly #size: number;
  readonly #mark: FileMark;
  readonly #abort = new AbortController();
  #loss: string | null = null;
  #change: EdgeRunnerError | null = null;

  constructor(request: UrlRequest, size: number, mark: FileMark) {
    this.#request = request;
    this.#size = size;
    this.#mark = mark;
  }

  async serve(request: Request, response: Response): Promise<void> {
    const { start, end } = parseRange(request.headers.range);
    if (start >= this.#size) {
      response.status(416).set('content-range', `bytes */${this.#size}`).end();
      return;
    }
    if (this.#loss ?? this.#change) {
      // The origin was given every chance; asking it again for each of the page's reads would take minutes.
      response.status(502).end();
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
      if (!response.write(chunk)) await drained(response);
    }
    if (position > last) {
      response.end();
      return;
    }
    if (gone.signal.aborted) return;
    if (!this.#change) this.#loss ??= `${this.#request.url} broke off at byte ${position} of ${this.#size}`;
    // A clean end short of the announced one would make the page ask again; a broken one it takes as the end.
    response.destroy();
  }

  async size(): Promise<number> {
    return this.#size;
  }

  async read(start: number, end: number): Promise<Buffer> {
    const last = Math.min(end, this.#size) - 1;
    const pieces: Uint8Array[] = [];
    if (last >= start)
      for await (const piece of this.#read(start, last, new AbortController().signal)) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    if (bytes.byteLength <= last - start)
      throw this.#change ?? unreachable(this.#request.url, this.#loss ?? 'it broke off');
    return bytes;
  }

  loss(): string | null {
    return this.#loss;
  }

  async checkSame(): Promise<void> {
    if (this.#change) throw this.#change;
  }

  async close(): Promise<void> {
    this.#abort.abort();
  }

  async *#read(start: number, last: number, gone: AbortSignal): AsyncGenerator<Uint8Array> {
    const signal = AbortSignal.any([gone, this.#abort.signal]);
    let position = start;
    for (let failures = 0; failures <= RETRIES; ) {
      const before = position;
      try {
        const answer = await ask(this.#request, position, signal);
        const now = markOf(answer);
        const same = maySame(this.#mark, now);
        if (answer.status !== 206 || !same) {
          answer.discard();
          if (!same) this.#change = changed(this.#request.url, this.#size, now.bytes);
          else this.#loss = `${this.#request.url} answered ${answer.status} at byte ${position}`;
          return;
        }
        for await (const chunk of answer.body) {
          const wanted = chunk.subarray(0, last + 1 - position);
          position += wanted.byteLength;
          yield wanted;
          if (position > last) return;
        }
      } catch {
        // Broken off: taken up again below, unless nobody waits for it any more.
      }
      if (signal.aborted) return;
      failures = position > before ? 1 : failures + 1;
      await pause(100 * 2 ** failures, signal);
    }
  }
}

const ask = ({ url, headers }: UrlRequest, from: number, signal: AbortSignal): Promise<HttpAnswer> =>
  httpGet({
    url,
    headers: {
      'user-agent': 'edge-runner',
      ...headers,
      range: `bytes=${from}-`,
      'accept-encoding': 'identity',
    },
    signal,
    silence: SILENCE,
  });

async function readHead(answer: HttpAnswer): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size >= HEAD_BYTES) break;
    }
  } catch {
    // A break here is met again, and retried, by the reads that follow.
  }
  return Buffer.concat(chunks);
}

function checkHead(url: string, head: Uint8Array, answer: HttpAnswer): void {
  if (head.byteLength === 0) {
    throw new EdgeRunnerError(
      'input-empty',
      `${url} answered with nothing.`,
      'Check the address; the server sent an empty body.',
    );
  }
  if (sniff(head) !== null) return;
  throw new EdgeRunnerError(
    'url-not-media',
    `${url} answered with ${answer.header('content-type') ?? 'no content type'}, which is not a video.`,
    'Give the address of the media file itself, not of the page around it.',
  );
}

function refused(url: string, { status, statusText }: HttpAnswer): EdgeRunnerError {
  return new EdgeRunnerError(
    'url-status',
    `${url} answered ${`${status} ${statusText}`.trim()}.`,
    status === 401 || status === 403
      ? 'Give what it asks for with --header "Authorization: …", or a signed address.'
      : status >= 500
        ? "The fault is the server's: try again later."
        : 'Check the address.',
  );
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ENOTFOUND: 'its server is not found from here',
    ECONNREFUSED: 'nothing answers there',
    ECONNRESET: 'the connection broke off before an answer came',
  };
  return (code && words[code]) || message;
}

const drained = (response: Response) =>
  new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
