import {
  EdgeRunnerError,
  type ErrorCode,
  type ErrorRecord,
  type FromPublisher,
  STREAM_PROTOCOL,
  STREAM_SUBPROTOCOL,
  type ToPublisher,
  toPublisher,
} from '../../../protocol/index.ts';
import { BannerChanges } from './banner-changes.ts';
import type { FromPublisherWorker, PublisherSetup, Said } from './publisher-messages.ts';

type Published = Extract<ToPublisher, { type: 'published' }>;

/** Milliseconds before another try to connect: a random share of what doubles from the first to the longest. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** Within which a server has to let a page publish. */
const PATIENCE = 10_000;
/** Signs of life without a word from the server, after which the connection is taken as dead. */
const MOST_SILENCE = 2.5;
/** How the server closes a connection when another one speaks for the stream. */
const TAKEN_OVER = 4001;

/** Refusals after which trying again would not help, or would take the stream from somebody. */
const FINAL: readonly ErrorCode[] = [
  ...(['token-missing', 'token-unknown', 'token-revoked', 'token-expired', 'scope-missing'] as const),
  ...(['conflict', 'not-found', 'too-many-streams', 'build-too-old'] as const),
];
/** Refusals of one message, after which all else goes on. */
const OF_ONE_MESSAGE: readonly ErrorCode[] = ['message-invalid', 'banner-invalid'];

/**
 * What a page that publishes says to the server and hears from it. A connection that breaks is made anew, by the same
 * session: within the server's ttl nobody who watches notices, and after that the stream begins again.
 */
export class PublisherSocket {
  readonly #setup: PublisherSetup;
  readonly #tell: (message: FromPublisherWorker) => void;
  #socket: WebSocket | null = null;
  #state: 'opening' | 'published' | 'broken' | 'over' = 'opening';
  /** That ended this connection, where the server said one. */
  #refusal: ErrorRecord | null = null;
  readonly #banner = new BannerChanges({
    send: (change) => this.#send({ type: 'banner', ...change }),
    tell: ({ revision, state }, edit) => this.#tell({ type: 'banner', revision, state, edit }),
  });
  /** Its id, from when it was published first: it is this one that goes on, or none. */
  #stream: string | undefined;
  /** Pings on their way whose answer has to be told. */
  #settling = false;
  #heardAt = 0;
  #tries = 0;
  #ping: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(setup: PublisherSetup, tell: (message: FromPublisherWorker) => void) {
    this.#setup = setup;
    this.#tell = tell;
    this.#connect();
  }

  /** Signals are about this connection's moment: while there is none they are left out, and made good when it is back. */
  say(message: Said): void {
    if (message.type === 'banner') this.#banner.change(message);
    else this.#send(message);
  }

  /** Ends the connection when all is said: the stream is idle then, for everybody. */
  close(): void {
    this.#banner.flush();
    this.#send({ type: 'leave' });
    this.#state = 'over';
    const socket = this.#socket;
    this.#letGo();
    const closed = () => this.#tell({ type: 'closed' });
    if (!socket) {
      closed();
      return;
    }
    // Nobody waits for a server that does not answer: the worker ends with this.
    setTimeout(closed, 2_000);
    socket.onclose = closed;
    socket.close(1000);
  }

  #connect(): void {
    const socket = new WebSocket(this.#setup.url, STREAM_SUBPROTOCOL);
    this.#socket = socket;
    this.#refusal = null;
    this.#timer = setTimeout(() => this.#lost(socket), PATIENCE);
    const { publish } = this.#setup;
    socket.onopen = () =>
      this.#send({
        ...{ type: 'publish', protocol: STREAM_PROTOCOL, ...publish },
        ...(this.#stream !== undefined && { stream: this.#stream }),
      });
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#heardAt = performance.now();
      const message = typeof data === 'string' ? parse(data) : null;
      if (message) this.#receive(message);
    };
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  #receive(message: ToPublisher): void {
    switch (message.type) {
      case 'published':
        this.#published(message);
        break;
      case 'banner':
        this.#banner.heard(message, message.edit);
        this.#tell({ type: 'trouble', error: null });
        break;
      case 'signal':
        this.#tell(message);
        break;
      case 'pong':
        if (this.#settling) this.#tell({ type: 'settled' });
        this.#settling = false;
        break;
      case 'refused':
        this.#refused(message);
    }
  }

  #refused(refusal: ErrorRecord): void {
    if (!OF_ONE_MESSAGE.includes(refusal.code)) {
      // The server closes the connection now.
      this.#refusal = refusal;
    } else if (this.#state !== 'published') {
      // It did not understand that this is somebody who publishes.
      this.#refusal = refusal;
      this.#lost(this.#socket);
    } else {
      // A text in it may be none that any message may have: the server cannot say what it was about then.
      this.#banner.refused();
      this.#tell({ type: 'trouble', error: recordOf(refusal) });
    }
  }

  #published(message: Published): void {
    clearTimeout(this.#timer);
    this.#state = 'published';
    this.#stream = message.stream;
    this.#tries = 0;
    const { edit, pending } = this.#banner;
    this.#tell({ ...message, banner: pending ? null : message.banner, edit });
    this.#tell({ type: 'trouble', error: null });
    this.#banner.connected(message.banner);
    // Offers of those who wait follow, in their order: the answer to this comes after them.
    this.#settling = true;
    this.#send({ type: 'ping' });
    this.#ping = setInterval(() => this.#askForLife(message.pingMs), message.pingMs);
  }

  #askForLife(pingMs: number): void {
    // Open at our end only: the close event of such a socket may take minutes.
    if (performance.now() - this.#heardAt > MOST_SILENCE * pingMs) this.#lost(this.#socket);
    else this.#send({ type: 'ping' });
  }

  #lost(socket: WebSocket | null, code = 0): void {
    this.#letGo();
    socket?.close();
    const first = this.#state === 'opening';
    const refusal = code === TAKEN_OVER ? TAKEN : this.#refusal;
    if (first || (refusal && FINAL.includes(refusal.code))) {
      this.#state = 'over';
      this.#tell({ type: 'ended', error: recordOf(refusal ?? this.#unreachable()) });
      return;
    }
    this.#state = 'broken';
    this.#tell({ type: 'trouble', error: refusal ? recordOf(refusal) : this.#interrupted() });
    const wait = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries++);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  /** Of the socket and all timers: what it still says is not heard. */
  #letGo(): void {
    clearInterval(this.#ping);
    clearTimeout(this.#timer);
    this.#banner.disconnected();
    const socket = this.#socket;
    this.#socket = null;
    if (socket) Object.assign(socket, { onopen: null, onmessage: null, onclose: null });
  }

  #send(message: FromPublisher): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #unreachable(): ErrorRecord {
    return {
      code: 'server-unreachable',
      message: `${new URL(this.#setup.url).host} does not answer, or is no edge-runner server.`,
      remedy:
        'See that the address is right and reachable from this browser; a page over https reaches no plain http.',
    };
  }

  #interrupted(): ErrorRecord {
    return {
      code: 'connection-lost',
      message: `The connection to ${new URL(this.#setup.url).host} is interrupted: who watches goes on, nobody new comes.`,
      remedy: 'It is made anew as soon as the network lets it.',
    };
  }
}

const TAKEN = new EdgeRunnerError(
  'conflict',
  'This stream is published from elsewhere now: the same tab has published it anew, or was duplicated.',
  'Go on there, or publish under another name here.',
).toRecord();

const recordOf = ({ code, message, remedy }: ErrorRecord): ErrorRecord => ({ code, message, remedy });

function parse(text: string): ToPublisher | null {
  try {
    const read = toPublisher.safeParse(JSON.parse(text));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
