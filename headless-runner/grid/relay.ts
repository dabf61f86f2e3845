import { once } from 'node:events';
import {
  type Agent,
  createServer,
  type IncomingMessage,
  request as requestHttp,
  type Server,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import express from 'express';
import { pagesFolder } from '../../server/pages.ts';
import { isolatedApp } from '../host/isolated-app.ts';

/** Headers that are between two neighbours only (RFC 9110, 7.6.1), and what loopback's own page sends of itself. */
const OWN = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'host', 'origin', 'referer', 'cookie'],
]);

/**
 * What stands for the server on this machine: our own browser's page is of loopback, which browsers hold for secure,
 * and all that it asks goes on to the server from here. So certificates, pins and proxies are this process's concern,
 * and the page needs neither.
 */
export class Relay {
  readonly origin: string;
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
    this.origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  /** @param agent that trusts the server, and whom it trusts. */
  static async start(server: URL, agent: Agent): Promise<Relay> {
    const app = isolatedApp();
    app.use('/v1', (request, response) => {
      const onward = open(server, agent, request);
      onward.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, passed(answer));
        pipeline(answer, response).catch(() => response.destroy());
      });
      onward.once('error', () => {
        if (response.headersSent) response.destroy();
        else response.status(502).end();
      });
      response.once('close', () => onward.destroy());
      // A sender that goes in the midst ends the request with it.
      pipeline(request, onward).catch(() => onward.destroy());
    });
    app.use(express.static(pagesFolder(), { immutable: true, maxAge: '1h' }));
    const http = createServer(app);
    http.requestTimeout = 0;
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const relay = new Relay(http);
    http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      // A page of another origin may open a WebSocket to loopback; its Origin header gives it away.
      if (request.headers.origin !== relay.origin || !request.url?.startsWith('/v1/')) {
        socket.destroy();
        return;
      }
      const onward = open(server, agent, request, { connection: 'Upgrade', upgrade: 'websocket' });
      onward.once('upgrade', (answer, other, otherHead) => {
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${rawHeaders(answer)}\r\n`);
        if (otherHead.length > 0) socket.write(otherHead);
        if (head.length > 0) other.write(head);
        other.on('error', () => socket.destroy());
        socket.pipe(other).pipe(socket);
        socket.once('close', () => other.destroy());
        other.once('close', () => socket.destroy());
      });
      onward.once('response', () => socket.destroy());
      onward.once('error', () => socket.destroy());
      onward.end();
    });
    return relay;
  }

  async close(): Promise<void> {
    const closed = once(this.#http, 'close');
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }
}

function open(server: URL, agent: Agent, request: IncomingMessage & { originalUrl?: string }, more = {}) {
  const { method, headers, url, originalUrl = url! } = request;
  const ask = server.protocol === 'https:' ? requestHttps : requestHttp;
  return ask(new URL(originalUrl, server), { agent, method, headers: { ...filtered(headers), ...more } });
}

const filtered = (headers: IncomingMessage['headers']) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN.has(name)));

/** The page's own isolation is ours to say. */
const passed = ({ headers }: IncomingMessage) =>
  Object.fromEntries(
    Object.entries(filtered(headers)).filter(
      ([name]) => !/^(content-security|cross-origin|strict-transport)/.test(name),
    ),
  );

const rawHeaders = ({ rawHeaders: raw }: IncomingMessage): string =>
  raw.map((word, i) => (i % 2 === 0 ? `${word}: ` : `${word}\r\n`)).join('');
