import type { SourceBytes } from '../engine/index.ts';

/** Looks at the bytes of a source over HTTP. @param get one request for it, with these additions. */
export function bytesOverHttp(
  get: (init: RequestInit) => Promise<Response>,
): Pick<SourceBytes, 'read' | 'size'> {
  let size: number | null = null;

  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const stop = new AbortController();
    const answer = await get({ headers: { range: `bytes=${start}-${end - 1}` }, signal: stop.signal });
    size ??= totalOf(answer);
    const bytes = answer.ok ? await take(answer, end - start) : new Uint8Array(0);
    // A stream is sent for as long as it comes in, whatever range was asked for.
    stop.abort();
    return bytes;
  };

  return {
    read,
    size: async () => {
      if (size === null) await read(0, 1);
      return size;
    },
  };
}

/** `bytes 0-9/100`, and `bytes *` + `/100` beyond the end; a stream that still comes in has `*` for its total. */
function totalOf(answer: Response): number | null {
  const total = /\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

/** The first `count` bytes of a body, or what came of them before it broke off: why it did is for `loss` to say. */
async function take(answer: Response, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  let filled = 0;
  const reader = answer.body!.getReader();
  while (filled < count) {
    const { value } = await reader.read().catch(() => ({ value: undefined }));
    if (!value) break;
    bytes.set(value.subarray(0, count - filled), filled);
    filled += value.byteLength;
  }
  return bytes.subarray(0, Math.min(filled, count));
}
