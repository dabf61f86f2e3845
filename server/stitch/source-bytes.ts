import { buffer } from 'node:stream/consumers';
import { EdgeRunnerError, type SourceSpec } from '../../protocol/index.ts';
import type { BlobStore } from '../blobs/store.ts';
import type { AddressGuard } from '../net/address-guard.ts';
import { type GuardedAnswer, guardedGet } from '../net/guarded-get.ts';
import { uploadKey } from '../sources.ts';

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
      return last <= start ? Buffer.alloc(0) : buffer(await blobs.read(key, start, last));
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
  const get = async (start: number, end: number) => {
    const answer = await guardedGet({ url, headers, range: { start, end: end - 1 }, signal }, guard);
    await check(answer);
    return answer;
  };
  return {
    size: async () => {
      const { body, header } = await get(0, 1);
      body.destroy();
      const total = /\/(\d+)$/.exec(header('content-range') ?? '')?.[1] ?? header('content-length');
      return total === null || total === undefined ? null : Number(total);
    },
    read: async (start, end) => {
      const { body, status } = await get(start, end);
      if (status === 206) return buffer(body);
      // Of an origin that knows no ranges there is a copy.
      body.destroy();
      throw new EdgeRunnerError(
        'source-changed',
        'The address answered ranges when it was read first, and does not any more.',
        'Submit the job again, with an address that stays as it is.',
      );
    },
  };
}
