import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  type FromPublisher,
  SDP_TYPE,
  STREAM_PROTOCOL,
  STREAM_SUBPROTOCOL,
  type ToPublisher,
} from '../protocol/index.ts';

type Published = Extract<ToPublisher, { type: 'published' }>;
type Signal = Extract<ToPublisher, { type: 'signal' }>;
/** What a test waits for: the type of a message, of a signal its kind. */
type Word = Exclude<ToPublisher['type'], 'signal'> | Signal['kind'];
type Said<W extends Word> = W extends Signal['kind']
  ? Extract<Signal, { kind: W }>
  : Extract<ToPublisher, { type: W }>;

const description = (who: string) =>
  ['v=0', `o=- 1 1 IN IP4 127.0.0.1`, `s=${who}`, 't=0 0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', ''].join('\r\n');

export const OFFER = description('offer');
export const answerTo = (viewer: string) => description(`answer to ${viewer}`);

export interface TabOptions {
  token: string;
  name?: string;
  title?: string;
  direction?: 'out' | 'in';
  maxViewers?: number;
  session?: string;
  /** Of what it has published before. */
  stream?: string;
  /** What it does with an offer; it answers unless told otherwise. */
  onOffer?: (viewer: string, tab: SimulatedTab) => void;
  /** With which it opens its connection. */
  headers?: Record<string, string>;
  /** Whether it answers the server's pings, and so seems to be there. */
  autoPong?: boolean;
}

/** A tab without a browser that publishes a stream: a real socket, real messages, no media. */
export class SimulatedTab {
  readonly received: ToPublisher[] = [];
  readonly session: string;
  readonly #url: string;
  readonly #options: TabOptions;
  #waiting: { word: Word; resolve(message: ToPublisher): void }[] = [];
  #socket: WebSocket | null = null;
  closed: Promise<{ code: number }> = Promise.resolve({ code: 0 });

  constructor(url: string, options: TabOptions) {
    this.#url = url;
    this.#options = options;
    this.session = options.session ?? randomUUID();
  }

  static async publish(url: string, options: TabOptions): Promise<SimulatedTab & { published: Published }> {
    const tab = new SimulatedTab(url, options);
    return Object.assign(tab, { published: await tab.connect() });
  }

  /** Opens a connection, and says nothing on it. */
  async open(): Promise<void> {
    const url = new URL('/v1/streams/socket', this.#url);
    url.protocol = url.protocol.replace('http', 'ws');
    const { autoPong = true, headers = {} } = this.#options;
    const socket = new WebSocket(url, STREAM_SUBPROTOCOL, { autoPong, headers });
    this.#socket = socket;
    this.closed = once(socket, 'close').then(([code]) => ({ code: code as number }));
    socket.on('error', () => {});
    socket.on('message', (data) => this.#receive(JSON.parse(data.toString()) as ToPublisher));
    await once(socket, 'open');
  }

  /** Publishes; rejects with the refusal where there is one. */
  async connect(): Promise<Published> {
    await this.open();
    const { token, name = 'show', title = '', direction = 'out', maxViewers = 8, stream } = this.#options;
    this.send({
      ...{ type: 'publish', protocol: STREAM_PROTOCOL, build: 'test', token, name, title, direction },
      ...{ maxViewers, session: this.session, stream },
    });
    return Promise.race([
      this.next('published'),
      this.next('refused').then(({ code, message }) => {
        throw Object.assign(new Error(message), { code });
      }),
    ]).finally(() => {
      // Whichever did not come is not waited for here any more.
      this.#waiting = this.#waiting.filter(({ word }) => word !== 'published' && word !== 'refused');
    });
  }

  send(message: FromPublisher | object): void {
    this.sendRaw(JSON.stringify(message));
  }

  /** What a schema would not let through. */
  sendRaw(data: string | Buffer): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
  }

  answer(viewer: string, sdp = answerTo(viewer)): void {
    this.send({ type: 'signal', viewer, kind: 'answer', sdp });
  }

  /** The next of that kind, or the first of those that came and nobody has taken. */
  next<W extends Word>(word: W): Promise<Said<W>> {
    const at = this.received.findIndex((message) => wordOf(message) === word);
    if (at >= 0) return Promise.resolve(this.received.splice(at, 1)[0] as Said<W>);
    return new Promise((resolve) => {
      this.#waiting.push({ word, resolve: resolve as (message: ToPublisher) => void });
    });
  }

  /** Says something, and waits until all that was said before is dealt with. */
  async settled(): Promise<void> {
    this.send({ type: 'ping' });
    await this.next('pong');
  }

  /** Gone without a word. */
  async vanish(): Promise<void> {
    this.#waiting = [];
    this.#socket?.terminate();
    await this.closed;
  }

  #receive(message: ToPublisher): void {
    if (message.type === 'signal' && message.kind === 'offer') {
      const { viewer } = message;
      if (this.#options.onOffer) this.#options.onOffer(viewer, this);
      else this.answer(viewer);
    }
    const word = wordOf(message);
    const at = this.#waiting.findIndex((one) => one.word === word);
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(message);
    else this.received.push(message);
  }
}

const wordOf = (message: ToPublisher): Word => (message.type === 'signal' ? message.kind : message.type);

/** Posts an offer, as a player of another origin does. */
export const postOffer = (
  url: string,
  path: string,
  token: string | null,
  { body = OFFER, type = SDP_TYPE, headers = {} }: { body?: string; type?: string; headers?: object } = {},
): Promise<Response> =>
  fetch(new URL(path, url), {
    method: 'POST',
    headers: {
      'content-type': type,
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body,
  });
