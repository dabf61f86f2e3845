import type { Readable } from 'node:stream';
import { EdgeRunnerError, MOST_READ_BYTES, type SourceSpec } from '../../protocol/index.ts';
import type { BlobStore } from '../blobs/store.ts';
import type { AddressGuard } from '../net/address-guard.ts';
import { type GuardedAnswer, guardedGet } from '../net/guarded-get.ts';
import { uploadKey } from '../sources.ts';

/** Milliseconds that an origin may take for one read. */
const READ_MS = 120_000;

/** The bytes of something, here and there. */
export interface RandomBytes {
  /** Null while nobody knows. */
  size(): Promise<number | null>;
  /** Bytes `[start, end)`; fewer where it ends before. */
  read(start: number, end: number): Promise<Buffer>;
}

/** A complete file in the store. */
export function storedBytes(blobs: BlobStore, key: string): RandomBytes {
  let known: Promise<number> | null = null;
  const size = () => {
    known ??= blobs.size(key);
    return known;
  };
  return {
    size,
    read: async (start, end) => {
      const last = Math.min(end, await size());
      return last <= start ? Buffer.alloc(0) : take(await blobs.read(key, start, last), last - start);
    },
  };
}

interface SourceAccess {
  blobs: BlobStore;
  guard: AddressGuard;
  /** Throws where the file at an address is another one by now. */
  check(answer: GuardedAnswer): Promise<void>;
  signal: AbortSignal;
}

/** A user's source, for the server's own reading. @throws {EdgeRunnerError} as `guardedGet` does. */
export function sourceBytes(source: SourceSpec, { blobs, guard, check, signal }: SourceAccess): RandomBytes {
  if (source.kind === 'upload') return storedBytes(blobs, uploadKey(source.upload!));
  if (source.kind !== 'http') throw new Error(`a ${source.kind} source has no bytes`);
  const { url, headers } = source;
  /** @param deal is done with the answer in time. */
  const get = async <T>(
    start: number,
    end: number,
    deal: (answer: GuardedAnswer) => Promise<T>,
  ): Promise<T> => {
    const late = AbortSignal.timeout(READ_MS);
    const inTime = AbortSignal.any([signal, late]);
    const range = { start, end: end - 1 };
    try {
      const answer = await guardedGet({ url, headers, range, signal: inTime }, guard);
      try {
        await check(answer);
        return await deal(answer);
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error;
      throw new EdgeRunnerError(
        'url-unreachable',
        `The address took longer than ${READ_MS / 1000} s for ${end - start} bytes.`,
        "The fault is the origin's: try again later.",
        { cause: error },
      );
    }
  };
  let known: Promise<number | null> | null = null;
  return {
    size: () => {
      known ??= get(0, 1, async ({ header }) => {
        const total = /\/(\d+)$/.exec(header('content-range') ?? '')?.[1] ?? header('content-length');
        return total === null || total === undefined ? null : Number(total);
      });
      return known;
    },
    read: (start, end) =>
      get(start, end, ({ body, status }) => {
        if (status === 206) return take(body, end - start);
        // Of an origin that knows no ranges there is a copy.
        throw new EdgeRunnerError(
          'source-changed',
          'The address answered ranges when it was read first, and does not any more.',
          'Submit the job again, with an address that stays as it is.',
        );
      }),
  };
}

/** The first bytes of a stream, and no more of it, however much somebody sends. */
async function take(body: Readable, count: number): Promise<Buffer> {
  if (count > MOST_READ_BYTES) throw new Error(`${count} bytes are too many for one read`);
  const pieces: Buffer[] = [];
  let left = count;
  for await (const piece of body as AsyncIterable<Buffer>) {
    pieces.push(piece.subarray(0, left));
    left -= piece.byteLength;
    if (left <= 0) break;
  }
  return Buffer.concat(pieces);
}
