import { CustomSource, type Source } from 'mediabunny';
import { EdgeRunnerError } from '../../protocol/index.ts';
import type { SourceBytes } from '../engine/index.ts';

/** One request, with these additions. */
export type Get = (init: RequestInit) => Promise<Response>;

/** Looks at the bytes of a source over HTTP. */
export function bytesOverHttp(get: Get): Pick<SourceBytes, 'read' | 'size'> {
  let size: number | null = null;

  /** @returns fewer where the source ends before, or breaks off and cannot be taken up again. */
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (filled < bytes.byteLength && (size === null || start + filled < size)) {
      const stop = new AbortController();
      const range = `bytes=${start + filled}-${end - 1}`;
      const answer = await get({ headers: { range }, signal: stop.signal });
      size ??= totalOf(answer);
      const came = answer.ok ? await take(answer, bytes.subarray(filled)) : 0;
      // A stream is sent for as long as it comes in, whatever range was asked for.
      stop.abort();
      filled += came;
      if (came === 0) break;
    }
    return bytes.subarray(0, filled);
  };

  return {
    read,
    size: async () => {
      if (size === null) await read(0, 1);
      return size;
    },
  };
}

/**
 * A source for a demuxer that asks for no more than it is about to read. (The demuxer's own for addresses asks for all
 * up to the end, and hangs up when it has enough: by then megabytes are on their way that nobody wants.)
 * @param ahead whether it reads more and more ahead, as for who reads all.
 */
export function rangedSource(
  bytes: Pick<SourceBytes, 'read' | 'size'>,
  { ahead }: { ahead: boolean },
): Source {
  return new CustomSource({
    getSize: async () => {
      const size = await bytes.size();
      if (size === null) throw brokeOff('nobody says how long it is');
      return size;
    },
    read: async (start, end) => {
      const piece = await bytes.read(start, end);
      if (piece.byteLength < end - start) throw brokeOff(`it broke off at byte ${start + piece.byteLength}`);
      return piece;
    },
    prefetchProfile: ahead ? 'network' : 'none',
    // A read ahead that fails is no fault of its own: the read that needs the bytes meets it again.
    handleUnhandledError: () => {},
  });
}

const brokeOff = (why: string) =>
  new EdgeRunnerError('url-unreachable', `The source could not be read: ${why}.`, 'Try again later.');

/** `bytes 0-9/100`, and `bytes *` + `/100` beyond the end; a stream that still comes in has `*` for its total. */
function totalOf(answer: Response): number | null {
  const total = /\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

/** Fills `bytes` from a body. @returns how much came of it: why it broke off is for `loss` to say. */
async function take(answer: Response, bytes: Uint8Array): Promise<number> {
  let filled = 0;
  const reader = answer.body!.getReader();
  while (filled < bytes.byteLength) {
    const { value } = await reader.read().catch(() => ({ value: undefined }));
    if (!value) break;
    bytes.set(value.subarray(0, bytes.byteLength - filled), filled);
    filled += value.byteLength;
  }
  return Math.min(filled, bytes.byteLength);
}
