import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  type CapabilityReport,
  type FromNode,
  NODE_PROTOCOL,
  NODE_SUBPROTOCOL,
  type Offer,
  PART_BYTES,
  type ProbeReport,
  type ToNode,
  type WrittenFile,
} from '../protocol/index.ts';

export interface Answer<T> {
  status: number;
  body: T;
}

/** One request to a server; JSON in unless its type says otherwise, JSON out. */
export type Ask = <T = unknown>(
  method: string,
  path: string,
  request?: { token?: string | null; body?: unknown; type?: string },
) => Promise<Answer<T>>;

/** @param admin the token where a request gives none. */
export const askOf =
  (url: string, admin: string): Ask =>
  async <T>(
    method: string,
    path: string,
    {
      token = admin,
      body,
      type = 'application/json',
    }: { token?: string | null; body?: unknown; type?: string } = {},
  ) => {
    const answer = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': type }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? undefined : parse(text)) as T };
  };

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

/** A job about a clip at an address, events out: it is looked at first. Nothing answers there. */
export const addressJob = (more: object = {}) => ({
  v: 1,
  sources: [{ id: 'in', kind: 'http', url: 'http://127.0.0.1:9/clip.mp4' }],
  outputs: [{ id: 'events', kind: 'events', from: 'in' }],
  ...more,
});

/** What a look at a source finds that has so many segments of 50 frames, two seconds each. */
export const reportOf = (segments: number, sound: ProbeReport['sound'] = 'none'): ProbeReport => ({
  ...{ frames: 50 * segments, codec: 'avc1.4d401e', copied: false, sound, whole: null },
  segments: Array.from({ length: segments }, (_, ordinal) => ({
    ...{ ordinal, firstFrame: 50 * ordinal, frames: 50 },
    ...{ firstTime: 2_000_000 * ordinal, lastTime: 2_000_000 * ordinal + 1_960_000 },
    warmUp: { frame: 50 * ordinal, time: 2_000_000 * ordinal },
    fps: 25,
  })),
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
  encoderClasses: {},
  audioDecode: {},
};

export interface SimulatedOptions {
  slots?: number;
  /** Segments that it prepares beyond these. */
  ahead?: number;
  capabilities?: CapabilityReport;
  speeds?: Record<string, Record<string, number>>;
  host?: 'tab' | 'headless';
  /** What it does with an offer. */
  onOffer?: (offer: Offer, node: SimulatedNode) => void | Promise<void>;
  /** Hears of what is not its any more, or never was. */
  onLost?: (attempt: string) => void;
  /** Whether messages that nobody waits for are kept until somebody does; thousands of nodes keep none. */
  keeps?: boolean;
}

/** A node without a browser: real sockets, real messages, and as well behaved as a test wants it. */
export class SimulatedNode {
  readonly received: ToNode[] = [];
  /** The server's address; a test may put something in between. */
  url: string;
  /** As the server told it. */
  progressMs = 0;
  readonly credential: string;
  readonly id: string;
  readonly #options: SimulatedOptions;
  readonly #held = new Map<string, Offer>();
  #waiting: { type: ToNode['type']; resolve(message: ToNode): void }[] = [];
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
    server: { url: string; ask: Ask },
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

  /** @param more of its hello. */
  async connect(
    { renew = true }: { renew?: boolean } = {},
    more: object = {},
  ): Promise<Extract<ToNode, { type: 'welcome' }>> {
    const url = new URL('/v1/node', this.url);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, NODE_SUBPROTOCOL);
    this.#socket = socket;
    this.closed = once(socket, 'close').then(([code]) => ({ code: code as number }));
    socket.on('error', () => {});
    socket.on('message', (data) => this.#receive(JSON.parse(data.toString()) as ToNode));
    await once(socket, 'open');
    const {
      slots = 1,
      ahead = 0,
      capabilities = CAPABILITIES,
      speeds = {},
      host = 'headless',
    } = this.#options;
    // Of a connection that ended before it was welcome.
    this.#waiting = this.#waiting.filter(({ type }) => type !== 'welcome');
    const welcome = this.next('welcome');
    this.send({
      ...{ type: 'hello', protocol: NODE_PROTOCOL, build: 'test', credential: this.credential },
      ...{ host, slots, ahead, capabilities, speeds },
      resume: [...this.#held.values()].map(({ attempt, lease }) => ({ attempt, lease })),
      ...more,
    });
    const told = await Promise.race([
      welcome,
      this.closed.then(({ code }) => {
        throw new Error(`the connection ended with ${code} before a welcome`);
      }),
    ]);
    this.progressMs = told.progressMs;
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

  /** Takes an offer. It is the node's when the promise settles: the server has renewed its lease. */
  async hold(offer: Offer): Promise<void> {
    this.accept(offer);
    this.renew();
    while (!(offer.attempt in (await this.next('renewed')).sources)) {}
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

  /**
   * Sends a file as a node does.
   * @param signal ends it in its midst.
   * @returns what its result says of it.
   */
  async upload(
    offer: Offer,
    output: string,
    name: string,
    bytes: Buffer,
    signal: AbortSignal | null = null,
  ): Promise<WrittenFile> {
    const targets = await this.targets(offer, output, name, bytes, signal);
    for (const [index, target] of targets.entries()) {
      const put = await fetch(new URL(target, this.url), {
        method: 'PUT',
        body: new Uint8Array(partOf(bytes, index)),
        signal,
      });
      if (!put.ok) throw new Error(`${put.status} ${await put.text()}`);
    }
    const parts = targets.map((_, index) => sha256(partOf(bytes, index)));
    return { output, name, bytes: bytes.byteLength, parts, indexAtEnd: false };
  }

  /** Where the parts of a file go. */
  async targets(
    { attempt, lease }: Offer,
    output: string,
    name: string,
    bytes: Buffer,
    signal: AbortSignal | null = null,
  ): Promise<string[]> {
    const parts = Array.from(
      { length: Math.max(1, Math.ceil(bytes.byteLength / PART_BYTES)) },
      (_, index) => {
        const part = partOf(bytes, index);
        return { index, bytes: part.byteLength, sha256: sha256(part) };
      },
    );
    const answer = await fetch(new URL(`/v1/attempts/${attempt}/parts`, this.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${lease}`, 'content-type': 'application/json' },
      body: JSON.stringify({ output, name, parts }),
      signal,
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { targets: { url: string }[] }).targets.map(({ url }) => url);
  }

  /** The next message of that type, or the first of those that came and nobody has taken. */
  next<Type extends ToNode['type']>(type: Type): Promise<Extract<ToNode, { type: Type }>> {
    const at = this.received.findIndex((message) => message.type === type);
    if (at >= 0) return Promise.resolve(this.received.splice(at, 1)[0] as Extract<ToNode, { type: Type }>);
    return new Promise((resolve) => {
      this.#waiting.push({ type, resolve: resolve as (message: ToNode) => void });
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

  #lose(attempt: string): void {
    this.#held.delete(attempt);
    this.#options.onLost?.(attempt);
  }

  #receive(message: ToNode): void {
    if (message.type === 'offer') {
      this.#held.set(message.attempt, message);
      if (this.#options.onOffer) void this.#options.onOffer(message, this);
    }
    if (message.type === 'ack') this.#held.delete(message.attempt);
    if (message.type === 'stale' || message.type === 'cancel') this.#lose(message.attempt);
    if (message.type === 'renewed') {
      this.progressMs = message.progressMs;
      for (const attempt of message.lost) this.#lose(attempt);
    }
    const at = this.#waiting.findIndex(({ type }) => type === message.type);
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(message);
    else if (this.#options.keeps ?? true) this.received.push(message);
  }
}

const partOf = (bytes: Buffer, index: number): Buffer =>
  bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
