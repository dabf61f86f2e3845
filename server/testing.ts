import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import {
  type CapabilityReport,
  type FromNode,
  NODE_PROTOCOL,
  NODE_SUBPROTOCOL,
  type Offer,
  PART_BYTES,
  type ToNode,
  type WrittenFile,
} from '../protocol/index.ts';
import { INTERVALS, type Intervals } from './grid/intervals.ts';
import { type RunningServer, startServer } from './main.ts';
import type { ServerOptions } from './options.ts';

/** A server of a test's own, in this process, with what a test asks of it. */
export interface TestServer {
  running: RunningServer;
  url: string;
  /** Of scope admin. */
  admin: string;
  folder: string;
  /** One request; JSON in, JSON out. */
  ask<T = unknown>(
    method: string,
    path: string,
    request?: { token?: string | null; body?: unknown },
  ): Promise<Answer<T>>;
  /** A token of the operator's tenant. */
  token(scope: string, more?: object): Promise<string>;
  /** Ends it and removes what it kept. */
  stop(): Promise<void>;
}

export interface Answer<T> {
  status: number;
  body: T;
}

/** Everything quick, so that tests see leases end; enough for a busy machine. */
export const QUICK: Intervals = {
  ...INTERVALS,
  ttlMs: 4_000,
  renewMs: 500,
  acceptMs: 3_000,
  stallMs: 8_000,
  progressMs: 100,
  lookMs: 100,
  pingMs: 1_000,
};

export async function startTestServer(
  options: Partial<ServerOptions> = {},
  before?: Pick<TestServer, 'folder' | 'admin'>,
): Promise<TestServer> {
  const folder = before?.folder ?? mkdtempSync(join(tmpdir(), 'edge-runner-server-'));
  const running = await startServer(
    {
      ...{ host: '127.0.0.1', port: 0, data: folder, databaseUrl: null, s3Url: null, certificate: null },
      ...{ plainHttp: false, clientCa: null, allowAddresses: [], keepSeconds: null, strategy: 'fastest' },
      ...{ intervals: QUICK, modelFolders: [], modelCache: join(folder, 'models'), names: [] },
      mostUploadBytes: 1 << 30,
      limits: { requests: 1e6, refusals: 1e6 },
      ...options,
    },
    pino({ level: process.env.EDGE_RUNNER_TEST_LOG ?? 'silent' }),
  );
  const admin = running.adminToken ?? before?.admin ?? '';
  const ask: TestServer['ask'] = async <T>(
    method: string,
    path: string,
    { token = admin, body }: { token?: string | null; body?: unknown } = {},
  ) => {
    const answer = await fetch(new URL(path, running.url), {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? undefined : parse(text)) as T };
  };
  return {
    ...{ running, url: running.url, admin, folder, ask },
    token: async (scope, more = {}) => {
      const { body } = await ask<{ token: string }>('POST', '/v1/tokens', {
        body: { name: scope, scope, ...more },
      });
      return body.token;
    },
    stop: async () => {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A job that needs no bytes: so many sources of a pattern, events out. */
export const patternJob = (sources = 1, more: object = {}) => ({
  v: 1,
  sources: Array.from({ length: sources }, (_, i) => ({ id: `in-${i}`, kind: 'pattern', frames: 10 })),
  outputs: Array.from({ length: sources }, (_, i) => ({
    id: `events-${i}`,
    kind: 'events',
    from: `in-${i}`,
  })),
  ...more,
});

export const CAPABILITIES: CapabilityReport = {
  userAgent: 'a test',
  secureContext: true,
  crossOriginIsolated: true,
  cores: 2,
  memoryGiB: 8,
  jspi: true,
  adapter: null,
  decode: { h264: 'software' },
  encode: { h264: 'software' },
  audioDecode: {},
};

export interface SimulatedOptions {
  slots?: number;
  capabilities?: CapabilityReport;
  speeds?: Record<string, Record<string, number>>;
  host?: 'tab' | 'headless';
  /** What it does with an offer; takes it and answers with a result when not told otherwise. */
  onOffer?: (offer: Offer, node: SimulatedNode) => void | Promise<void>;
}

/** A node without a browser: real sockets, real messages, and as well behaved as a test wants it. */
export class SimulatedNode {
  readonly received: ToNode[] = [];
  /** The server's address; a test may put something in between. */
  url: string;
  readonly credential: string;
  readonly id: string;
  readonly #options: SimulatedOptions;
  readonly #held = new Map<string, Offer>();
  readonly #waiting: { met(message: ToNode): boolean; resolve(message: ToNode): void }[] = [];
  #socket: WebSocket | null = null;
  #renewing: NodeJS.Timeout | null = null;
  closed: Promise<{ code: number }> = Promise.resolve({ code: 0 });

  private constructor(url: string, id: string, credential: string, options: SimulatedOptions) {
    this.url = url;
    this.id = id;
    this.credential = credential;
    this.#options = options;
  }

  /** Enrols; `connect` follows. */
  static async enrol(
    server: TestServer,
    token: string,
    options: SimulatedOptions = {},
    name = 'simulated',
  ): Promise<SimulatedNode> {
    const { body } = await server.ask<{ node: string; credential: string }>('POST', '/v1/nodes', {
      token,
      body: { name, host: options.host ?? 'headless' },
    });
    return new SimulatedNode(server.url, body.node, body.credential, options);
  }

  async connect({ renew = true }: { renew?: boolean } = {}): Promise<Extract<ToNode, { type: 'welcome' }>> {
    const url = new URL('/v1/node', this.url);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, NODE_SUBPROTOCOL);
    this.#socket = socket;
    this.closed = once(socket, 'close').then(([code]) => ({ code: code as number }));
    socket.on('error', () => {});
    socket.on('message', (data) => this.#receive(JSON.parse(data.toString()) as ToNode));
    await once(socket, 'open');
    const { slots = 1, capabilities = CAPABILITIES, speeds = {}, host = 'headless' } = this.#options;
    const welcome = this.next('welcome');
    this.send({
      ...{ type: 'hello', protocol: NODE_PROTOCOL, build: 'test', credential: this.credential },
      ...{ host, slots, capabilities, speeds },
      resume: [...this.#held.values()].map(({ attempt, lease }) => ({ attempt, lease })),
    });
    const told = await welcome;
    for (const attempt of told.drop) this.#held.delete(attempt);
    if (this.#renewing) clearInterval(this.#renewing);
    if (renew) this.#renewing = setInterval(() => this.renew(), told.renewMs);
    return told;
  }

  get held(): Offer[] {
    return [...this.#held.values()];
  }

  send(message: FromNode | object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** What a schema would not let through. */
  sendRaw(data: string | Buffer): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
  }

  renew(): void {
    this.send({ type: 'renew', leases: this.held.map(({ attempt, lease }) => ({ attempt, lease })) });
  }

  accept({ attempt, lease }: Offer): void {
    this.send({ type: 'accept', attempt, lease });
  }

  /** Says that it is done, without files. */
  finish({ attempt, lease }: Offer, files: WrittenFile[] = []): void {
    this.send({
      ...{ type: 'result', attempt, lease, files },
      outcome: { frames: 10, seconds: 1, truncated: false },
    });
  }

  fail({ attempt, lease }: Offer, retry = true): void {
    const error = { code: 'engine-fault', message: 'it broke', remedy: 'none' };
    this.send({ type: 'fail', attempt, lease, ...error, retry });
  }

  /** Sends a file as a node does. @returns what its result says of it. */
  async upload({ attempt, lease }: Offer, output: string, name: string, bytes: Buffer): Promise<WrittenFile> {
    const parts: string[] = [];
    for (let index = 0; index < Math.max(1, Math.ceil(bytes.byteLength / PART_BYTES)); index++) {
      const part = bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
      const sha256 = createHash('sha256').update(part).digest('hex');
      const answer = await fetch(new URL(`/v1/attempts/${attempt}/parts`, this.url), {
        method: 'POST',
        headers: { authorization: `Bearer ${lease}`, 'content-type': 'application/json' },
        body: JSON.stringify({ output, name, parts: [{ index, bytes: part.byteLength, sha256 }] }),
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      const { targets } = (await answer.json()) as { targets: { url: string }[] };
      const put = await fetch(new URL(targets[0]!.url, this.url), {
        method: 'PUT',
        body: new Uint8Array(part),
      });
      if (!put.ok) throw new Error(`${put.status} ${await put.text()}`);
      parts.push(sha256);
    }
    return { output, name, bytes: bytes.byteLength, parts, indexAtEnd: false };
  }

  /** The next message of that type, or the first of those that came and nobody has taken. */
  next<Type extends ToNode['type']>(type: Type): Promise<Extract<ToNode, { type: Type }>> {
    const at = this.received.findIndex((message) => message.type === type);
    if (at >= 0) return Promise.resolve(this.received.splice(at, 1)[0] as Extract<ToNode, { type: Type }>);
    return new Promise((resolve) => {
      this.#waiting.push({
        met: (message) => message.type === type,
        resolve: resolve as (message: ToNode) => void,
      });
    });
  }

  /** Gone without a word, as a machine that loses its power. */
  vanish(): void {
    if (this.#renewing) clearInterval(this.#renewing);
    this.#renewing = null;
    this.#socket?.terminate();
  }

  /** Forgets what it had, as a browser that was started anew. */
  forget(): void {
    this.#held.clear();
  }

  async leave(): Promise<void> {
    this.vanish();
    await this.closed;
  }

  #receive(message: ToNode): void {
    if (message.type === 'offer') {
      this.#held.set(message.attempt, message);
      if (this.#options.onOffer) void this.#options.onOffer(message, this);
    }
    if (message.type === 'ack' || message.type === 'stale' || message.type === 'cancel')
      this.#held.delete(message.attempt);
    if (message.type === 'renewed') for (const attempt of message.lost) this.#held.delete(attempt);
    const at = this.#waiting.findIndex(({ met }) => met(message));
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(message);
    else this.received.push(message);
  }
}
