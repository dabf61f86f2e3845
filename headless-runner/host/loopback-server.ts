import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Request, type Response } from 'express';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ModelDescriptor } from '../../models/descriptor.ts';
import { RUNNER_PATHS } from '../../protocol/index.ts';
import { pagesFolder } from '../../server/pages.ts';
import { isolatedApp } from './isolated-app.ts';
import type { ServedSource } from './served-source.ts';

/** What the page may fetch. */
export interface Served {
  sources: Map<string, ServedSource>;
  /** Paths of the still pictures of each source of kind `snapshots`. */
  pictures: Map<string, string[]>;
  models: Map<string, { descriptor: ModelDescriptor; path: string }>;
}

/** A server on loopback for the page in our own browser, and for nobody else: all but the page itself wants the token. */
export class LoopbackServer {
  readonly origin: string;
  /** 256 random bits, known to this process and its page. */
  readonly token: string;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;

  private constructor(http: Server, sockets: WebSocketServer, token: string) {
    this.#http = http;
    this.#sockets = sockets;
    this.token = token;
    this.origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  static async start(served: Served, onSocket: (socket: WebSocket) => void): Promise<LoopbackServer> {
    const token = randomBytes(32).toString('base64url');
    const http = createServer(buildApp(served, token));
    const sockets = new WebSocketServer({
      server: http,
      path: RUNNER_PATHS.socket,
      maxPayload: 64 << 20,
      perMessageDeflate: false,
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(0, '127.0.0.1', resolve);
    });
    const server = new LoopbackServer(http, sockets, token);
    sockets.on('connection', (socket, request) => {
      if (isOwnPage(request, server.origin)) onSocket(socket);
      else socket.terminate();
    });
    return server;
  }

  matches(token: string): boolean {
    return sameToken(token, this.token);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }
}

function buildApp(served: Served, token: string): express.Express {
  const app = isolatedApp();
  app.use(express.static(pagesFolder(), { immutable: true, maxAge: '1h' }));
  app.use((request, response, next) => {
    if (sameToken(request.headers.authorization?.replace(/^Bearer /, '') ?? '', token)) next();
    else response.status(401).end();
  });
  const route = (
    path: string,
    answer: (request: Request<Record<string, string>>, response: Response) => void | Promise<void>,
  ) => app.get(path, answer);
  route('/source/:id', (request, response) => {
    const source = served.sources.get(request.params.id!);
    return source ? source.serve(request, response) : notFound(response);
  });
  route('/source/:id/loss', (request, response) => {
    response.json({ loss: served.sources.get(request.params.id!)?.loss() ?? null });
  });
  route('/picture/:id/:index', (request, response) => {
    const path = served.pictures.get(request.params.id!)?.[Number(request.params.index)];
    if (path) response.sendFile(path, { dotfiles: 'allow' });
    else notFound(response);
  });
  route('/model/:name/descriptor', (request, response) => {
    const model = served.models.get(request.params.name!);
    if (model) response.json(model.descriptor);
    else notFound(response);
  });
  route('/model/:name/bytes', (request, response) => {
    const model = served.models.get(request.params.name!);
    if (model) response.sendFile(model.path, { dotfiles: 'allow' });
    else notFound(response);
  });
  return app;
}

const notFound = (response: Response): void => {
  response.status(404).end();
};

/** A page of another origin may open a WebSocket to loopback; its Origin header gives it away. */
const isOwnPage = (request: IncomingMessage, origin: string) => request.headers.origin === origin;

function sameToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
