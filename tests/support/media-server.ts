import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server does when it is asked for something. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on loopback that misbehaves as told. */
export class MediaServer {
  readonly requests: IncomingMessage[] = [];
  readonly #server: Server;
  #answer: Answer;

  private constructor() {
    this.#answer = status(404);
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      // A socket that is destroyed on purpose is no fault.
      response.on('error', () => {});
      this.#answer(request, response);
    });
  }

  static async start(): Promise<MediaServer> {
    const server = new MediaServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** From now on it answers like this; what it was asked before is forgotten. */
  answers(answer: Answer): this {
    this.#answer = answer;
    this.requests.length = 0;
    return this;
  }

  url(path = 'clip.mp4'): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${path}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const TYPE = { 'content-type': 'video/mp4' };

/** Answers ranges with 206; of bytes from `until` on, it breaks the connection off. */
export const ranged =
  (bytes: Buffer, until = bytes.byteLength): Answer =>
  (request, response) => {
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = Number(match?.[1] ?? 0);
    if (start >= bytes.byteLength) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.byteLength}` }).end();
      return;
    }
    const end = match?.[2] ? Math.min(Number(match[2]), bytes.byteLength - 1) : bytes.byteLength - 1;
    response.writeHead(match ? 206 : 200, {
      ...TYPE,
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      ...(match && { 'content-range': `bytes ${start}-${end}/${bytes.byteLength}` }),
    });
    send(response, bytes.subarray(start, Math.min(end + 1, until)), end >= until);
  };

/** Knows no ranges: always all of it, up to `until`, where it breaks the connection off. */
export const unranged =
  (bytes: Buffer, until = bytes.byteLength): Answer =>
  (_request, response) => {
    response.writeHead(200, { ...TYPE, 'content-length': bytes.byteLength });
    send(response, bytes.subarray(0, until), until < bytes.byteLength);
  };

/** Neither ranges nor a length. */
export const chunked =
  (bytes: Buffer): Answer =>
  (_request, response) => {
    response.writeHead(200, TYPE);
    send(response, bytes, false);
  };

export const status =
  (code: number, body = '', type = 'text/plain'): Answer =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': type }).end(body);
  };

/** Ends the answer, or breaks its connection off once the bytes are on their way. */
function send(response: ServerResponse, bytes: Buffer, breakOff: boolean): void {
  if (!breakOff) response.end(bytes);
  else if (bytes.byteLength === 0) response.destroy();
  else response.write(bytes, () => response.destroy());
}
