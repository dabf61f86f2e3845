import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { Cut, refused, transfer } from './http-transfer.ts';
import { makeFolder } from './make-folder.ts';
import { PartFile } from './part-file.ts';
import type { ModelProgressListener } from './progress.ts';

/** How downloads behave; all but `fetch` and `onProgress` have defaults that suit people. */
export interface TransferOptions {
  fetch?: typeof fetch;
  onProgress?: ModelProgressListener;
  signal?: AbortSignal;
  /** Wait before the first repetition, ms; doubled before each further one. */
  retryMs?: number;
  /** A transfer without a byte for so long is cut and repeated, ms. */
  stallMs?: number;
}

export interface DownloadRequest<Result> {
  name: string;
  url: string;
  /** Where the file ends up, by a rename, when it is whole and accepted. */
  target: string;
  /** More than this is refused while it comes in. */
  maxBytes: number;
  /** True when `accept` knows the hash, so that a part without an ETag may be gone on with. */
  hashKnown: boolean;
  /** What to do when the network does not give the file. */
  remedy: string;
  /** Looks at the whole file before it gets its name; a throw deletes it. */
  accept: (path: string) => Promise<Result>;
}

/**
 * Downloads one file: beside its place, gone on with where it was cut, repeated up to four times, renamed when whole.
 * Two downloads of one target in this process are one.
 * @throws {EdgeRunnerError} `model-unavailable`, `interrupted`, or what `accept` throws.
 */
export function download<Result>(
  request: DownloadRequest<Result>,
  options: TransferOptions,
): Promise<Result> {
  const running = inFlight.get(request.target) as Promise<Result> | undefined;
  if (running) return running;
  const started = attemptAll(request, options).finally(() => inFlight.delete(request.target));
  inFlight.set(request.target, started);
  return started;
}

const inFlight = new Map<string, Promise<unknown>>();
const RETRIES = 4;
const RETRY_MS = 500;

async function attemptAll<Result>(
  request: DownloadRequest<Result>,
  options: TransferOptions,
): Promise<Result> {
  try {
    await makeFolder(dirname(request.target));
    const wentOn = await fetchWhole(request, options);
    if ('result' in wentOn) return wentOn.result;
    // Bytes of an older download were in it, which the server did not deny but the check did: once more from the start.
    const again = await fetchWhole(request, options);
    if ('result' in again) return again.result;
    throw again.refusal;
  } catch (error) {
    throw explain(error, request);
  }
}

type Outcome<Result> = { result: Result } | { refusal: unknown };

async function fetchWhole<Result>(
  request: DownloadRequest<Result>,
  options: TransferOptions,
): Promise<Outcome<Result>> {
  const claimed = await PartFile.claim(request.target, request.url);
  const { part } = claimed;
  const inherited = part.received > 0;
  try {
    await repeat(request, options, claimed);
    await part.flush();
  } catch (error) {
    // What came in is kept, but not the bytes of a file that is refused for what it is.
    if (
      error instanceof EdgeRunnerError &&
      error.code !== 'interrupted' &&
      error.code !== 'model-unavailable'
    )
      await part.discard();
    else await part.release();
    throw error;
  }
  let result: Result;
  try {
    result = await request.accept(part.path);
  } catch (refusal) {
    await part.discard();
    if (inherited) return { refusal };
    throw refusal;
  }
  const bytes = part.received;
  await part.finish();
  options.onProgress?.({ kind: 'done', name: request.name, path: request.target, bytes });
  return { result };
}

async function repeat(
  request: DownloadRequest<unknown>,
  options: TransferOptions,
  claimed: Awaited<ReturnType<typeof PartFile.claim>>,
): Promise<void> {
  let { note } = claimed;
  let delayMs = options.retryMs ?? RETRY_MS;
  for (let tries = 0; ; tries++) {
    try {
      await transfer(request, options, claimed.part, note, (begun) => {
        note = begun;
      });
      return;
    } catch (error) {
      if (options.signal?.aborted) throw interrupted(request.name);
      if (!(error instanceof Cut)) throw error;
      if (tries === RETRIES || (error.hopeless && claimed.part.received === 0))
        throw refused(request, error.message);
      options.onProgress?.({ kind: 'retry', name: request.name, reason: error.message, delayMs });
      await sleep(delayMs, undefined, { signal: options.signal }).catch(() => {
        throw interrupted(request.name);
      });
      delayMs *= 2;
    }
  }
}

const interrupted = (name: string) =>
  new EdgeRunnerError(
    'interrupted',
    `The download of ${name} was interrupted.`,
    'Run the command again: it goes on where it stopped.',
  );

function explain(error: unknown, { name, target }: DownloadRequest<unknown>): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof EdgeRunnerError || typeof code !== 'string') return error;
  return new EdgeRunnerError(
    'model-unavailable',
    `${name} cannot be written to ${dirname(target)}: ${code}.`,
    'Make room there, or set EDGE_RUNNER_CACHE to a folder that can be written to.',
    { cause: error },
  );
}
