import type { WebSocket } from 'ws';

/** Milliseconds within which a connection has to say who it is. */
const HELLO_PATIENCE = 10_000;
/** Messages of one peer that wait, after which no more are read until they are dealt with. */
const MOST_WAITING = 64;
/** How old the measure of a round trip may be, milliseconds. */
const ROUND_TRIP_MS = 60_000;
/** Bytes on their way to a peer that reads nothing, after which it is taken as gone. */
const MOST_UNSENT = 4 << 20;

export interface LiveSocketOptions {
  /** Milliseconds between two signs of life that the peer is asked for. */
  pingMs: number;
  /** What came, one after the other; null where it was no text. */
  receive(text: string | null): Promise<void>;
  /** What `receive` and other work threw. */
  fail(error: unknown): void;
  /** After all that came before. */
  closed(): Promise<void>;
  roundTrip?(ms: number): void;
}

/** A WebSocket whose messages are dealt with in their order, and that is ended when nobody is at its other end. */
export class LiveSocket<Outgoing extends object> {
  readonly #socket: WebSocket;
  readonly #options: LiveSocketOptions;
  readonly #hello: NodeJS.Timeout;
  readonly #ping: NodeJS.Timeout;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Pings in a row after which nothing came. */
  #unanswered = 0;
  /** Whether anything came since the last look. */
  #heard = false;
  #pinged = Number.NEGATIVE_INFINITY;
  /** When anything came last. */
  heardAt = performance.now();
  /** Whether it was ended because nothing came any more. */
  silent = false;

  constructor(socket: WebSocket, options: LiveSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#hello = setTimeout(() => this.end(4000, 'no hello'), HELLO_PATIENCE);
    this.#ping = setInterval(() => this.#askForLife(), options.pingMs);
    socket.on('message', (data, isBinary) => {
      this.#hear();
      this.#heard = true;
      const text = isBinary ? null : data.toString();
      if (++this.#waiting >= MOST_WAITING) socket.pause();
      void this.do(() => options.receive(text)).finally(() => {
        if (--this.#waiting < MOST_WAITING && socket.isPaused) socket.resume();
      });
    });
    socket.on('pong', () => {
      this.#hear();
      options.roundTrip?.(performance.now() - this.#pinged);
    });
    // Its close follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(this.#hello);
      clearInterval(this.#ping);
      void this.do(() => options.closed());
    });
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** It has said who it is. */
  greeted(): void {
    clearTimeout(this.#hello);
  }

  /** Does something in its turn, among the messages. The promise settles when it is done, well or not. */
  do(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#options.fail(error));
    return this.#work;
  }

  send(message: Outgoing): void {
    if (this.open) this.#socket.send(JSON.stringify(message));
  }

  end(code: number, why: string): void {
    this.#socket.close(code, why);
    // A peer that does not answer is not waited for.
    setTimeout(() => this.#socket.terminate(), 2_000).unref();
  }

  #hear(): void {
    this.#unanswered = 0;
    this.heardAt = performance.now();
  }

  /** Two signs of life missing: the connection is only open at our end. */
  #askForLife(): void {
    if (this.#unanswered >= 2 || this.#socket.bufferedAmount > MOST_UNSENT) {
      this.silent = true;
      this.#socket.terminate();
      return;
    }
    const heard = this.#heard;
    this.#heard = false;
    // Whoever speaks is alive; how far away it is need not be known to the second.
    if (heard && performance.now() - this.#pinged < ROUND_TRIP_MS) return;
    this.#unanswered++;
    this.#pinged = performance.now();
    this.#socket.ping();
  }
}
