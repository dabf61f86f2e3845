import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { EndpointConnection } from './endpoint-connection.ts';
import type { PeerState } from './peer.ts';

/** Milliseconds before the first try to connect again, and at most. */
const AGAIN = { first: 1_000, most: 10_000 };

export interface HeldOptions {
  /** Of the other end, for sentences. */
  host: string;
  connect(hear: (state: PeerState) => void): Promise<EndpointConnection>;
  /** It was made anew. */
  onAgain?(): void;
  /** What is wrong with it, until it is null again. */
  onTrouble?(trouble: EdgeRunnerError | null): void;
}

/** A connection that is kept: one that breaks is made anew, with pauses that grow, until it holds. */
export class HeldConnection {
  readonly #options: HeldOptions;
  #connection: EndpointConnection | null = null;
  /** Rises with each try: what belongs to an earlier one is closed, and not listened to. */
  #turn = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #wait = AGAIN.first;

  private constructor(options: HeldOptions) {
    this.#options = options;
  }

  /** @throws {EdgeRunnerError} what the first try throws. */
  static async open(options: HeldOptions): Promise<HeldConnection> {
    const held = new HeldConnection(options);
    await held.#connect();
    return held;
  }

  /** Null while there is none. */
  get peer(): RTCPeerConnection | null {
    return this.#connection?.peer ?? null;
  }

  /** Makes it anew at once: something else has to be offered. */
  renew(): void {
    this.#drop();
    this.#again(0);
  }

  /** Settles when the other end has heard of it. */
  async close(): Promise<void> {
    await this.#drop();
  }

  async #connect(): Promise<void> {
    const turn = ++this.#turn;
    const connection = await this.#options.connect((state) => {
      if (turn === this.#turn) this.#hear(state);
    });
    if (turn === this.#turn) this.#connection = connection;
    else void connection.close();
  }

  #hear(state: PeerState): void {
    this.#options.onTrouble?.(state === 'connected' ? null : lost(this.#options.host));
    if (state !== 'failed') return;
    this.#drop();
    this.#again(AGAIN.first);
  }

  #drop(): Promise<void> | undefined {
    this.#turn++;
    clearTimeout(this.#retry);
    const connection = this.#connection;
    this.#connection = null;
    return connection?.close();
  }

  #again(wait: number): void {
    this.#wait = Math.max(AGAIN.first, wait);
    // Those that were lost together do not come back together.
    this.#retry = setTimeout(() => void this.#try(), wait * (0.5 + Math.random() / 2));
  }

  async #try(): Promise<void> {
    const turn = this.#turn + 1;
    try {
      await this.#connect();
      if (turn !== this.#turn) return;
      this.#options.onAgain?.();
      this.#options.onTrouble?.(null);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#options.onTrouble?.(EdgeRunnerError.from(error));
      this.#again(Math.min(AGAIN.most, 2 * this.#wait));
    }
  }
}

const lost = (host: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `The connection to ${host} is interrupted.`,
    'It is made anew as soon as the network lets it.',
  );
