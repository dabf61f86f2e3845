import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A web server for one file that misbehaves as its script says: one answer a request, the last one for the rest. */
export interface ModelServer {
  url: string;
  /** Range header of every request so far. */
  ranges: (string | undefined)[];
  /** Replaces the script. */
  answer: (...script: Answer[]) => void;
  close: () => Promise<void>;
}

export async function modelServer(): Promise<ModelServer> {
  let script: Answer[] = [];
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    (script.length > 1 ? script.shift()! : script[0]!)(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tiny.onnx`,
    ranges,
    answer: (...answers) => {
      script = answers;
      ranges.length = 0;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

const etagOf = (file: Uint8Array) => `"${createHash('sha256').update(file).digest('hex').slice(0, 16)}"`;

/** Answers ranges as RFC 9110 says. */
export const wholeFile =
  (file: Uint8Array): Answer =>
  (request, response) => {
    const etag = etagOf(file);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const condition = request.headers['if-range'];
    if (from > 0 && from >= file.length) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    } else if (from > 0 && (condition === undefined || condition === etag)) {
      response.writeHead(206, {
        etag,
        'content-length': file.length - from,
        'content-range': `bytes ${from}-${file.length - 1}/${file.length}`,
      });
      response.end(file.subarray(from));
    } else {
      response.writeHead(200, { etag, 'content-length': file.length });
      response.end(file);
    }
  };

/** Knows no ranges. */
export const sequential =
  (file: Uint8Array): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-length': file.length }).end(file);
  };

/** Promises the file and hangs up after `bytes` of it. */
export const cutAfter =
  (file: Uint8Array, bytes: number): Answer =>
  (_, response) => {
    response.writeHead(200, { etag: etagOf(file), 'content-length': file.length });
    response.write(file.subarray(0, bytes), () => setTimeout(() => response.destroy(), 30));
  };

/** Sends a few bytes and then nothing more. */
export const silentAfter =
  (file: Uint8Array, bytes: number): Answer =>
  (_, response) => {
    response.writeHead(200, { etag: etagOf(file), 'content-length': file.length });
    response.write(file.subarray(0, bytes));
  };

/** Sends the file in `pieces`, one every `ms`, without saying how long it is. */
export const trickle =
  (file: Uint8Array, pieces: number, ms: number): Answer =>
  async (_, response) => {
    response.writeHead(200, { etag: etagOf(file) });
    const size = Math.ceil(file.length / pieces);
    for (let at = 0; at < file.length; at += size) {
      response.write(file.subarray(at, at + size));
      await new Promise((later) => setTimeout(later, ms));
    }
    response.end();
  };

export const status =
  (code: number): Answer =>
  (_, response) => {
    response.writeHead(code).end('no');
  };

export const webPage: Answer = (_, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Sign in</html>');
};
