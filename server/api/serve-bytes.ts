import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';

export interface Bytes {
  name: string;
  bytes: number;
  /** `[start, end)` */
  read(start: number, end: number): Promise<Readable>;
}

/** Answers with a file, or the range of it that was asked for (RFC 9110, 14). */
export async function serveBytes(
  request: Request,
  response: Response,
  { name, bytes, read }: Bytes,
): Promise<void> {
  const ranges = request.range(bytes, { combine: true });
  response.set({
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'content-type': 'application/octet-stream',
    // Never shown as a page of this origin, whatever is in it.
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
    'x-content-type-options': 'nosniff',
  });
  if (ranges === -1) {
    response.status(416).set('content-range', `bytes */${bytes}`).end();
    return;
  }
  const range = ranges === undefined || ranges === -2 || ranges.length !== 1 ? null : ranges[0]!;
  const [start, end] = range ? [range.start, range.end + 1] : [0, bytes];
  if (range) response.status(206).set('content-range', `bytes ${start}-${end - 1}/${bytes}`);
  response.set('content-length', `${end - start}`);
  if (request.method === 'HEAD' || end === start) {
    response.end();
    return;
  }
  const body = await read(start, end);
  // Whoever asked may go in the midst of it, which is no fault; its socket ends with it.
  await pipeline(body, response).catch(() => response.destroy());
}
