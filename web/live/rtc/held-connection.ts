import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { EndpointConnection } from './endpoint-connection.ts';
import type { PeerState } from './peer.ts';

/** Milliseconds before the first try to connect again, and at most. */
const AGAIN = { first: 1_000, most: 10_000 };

export interface HeldOptions {
  /** Of the other end, for sentences. */
  host: string;
  /** @param gone nobody waits for it any more: rejects when nothing of it is left. */
  connect(hear: (state: PeerState) => void, gone: AbortSignal): Promise<EndpointConnection>;
  /** It was made anew. */
  onAgain?(): void;
  /** What is wrong with it, until it is null again. */
  onTrouble?(trouble: EdgeRunnerError | null): void;
}

/** A connection that is kept: one that breaks is made anew, with pauses that grow, until it holds. */
export class HeldConnection {
  readonly #options: HeldOptions;
  #connection: EndpointConnection | null = null;
  /** Of the last try, and of what came of it: an earlier one has ended, and is not listened to. */
  #turn = new AbortController();
  /** Settles when nothing is under way any more. */
  #connecting: Promise<void> = Promise.resolve();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #wait = AGAIN.first;

  private constructor(options: HeldOptions) {
    this.#options = options;
  }

  /** @throws {EdgeRunnerError} what the first try throws. */
  static async open(options: HeldOptions): Promise<HeldConnection> {
    const held = new HeldConnection(options);
    await held.#connect(held.#turn.signal);
    return held;
  }

  /** Null while there is none. */
  get peer(): RTCPeerConnection | null {
    return this.#connection?.peer ?? null;
  }

  /** Makes it anew at once: something else has to be offered. */
  renew(): void {
    void this.#drop();
    this.#again(0);
  }

  /** Settles when the other end has heard of it, and nothing is under way. */
  close(): Promise<void> {
    return this.#drop();
  }

  async #connect(gone: AbortSignal): Promise<void> {
    const connecting = this.#options.connect((state) => {
      if (!gone.aborted) this.#hear(state);
    }, gone);
    // It may come about at the very moment when nobody waits for it any more.
    this.#connecting = connecting.then(
      (connection) => (gone.aborted ? connection.close() : undefined),
      () => {},
    );
    const connection = await connecting;
    if (!gone.aborted) this.#connection = connection;
  }

  #hear(state: PeerState): void {
    this.#options.onTrouble?.(state === 'connected' ? null : lost(this.#options.host));
    if (state !== 'failed') return;
    void this.#drop();
    this.#again(AGAIN.first);
  }

  async #drop(): Promise<void> {
    this.#turn.abort();
    clearTimeout(this.#retry);
    const connection = this.#connection;
    this.#connection = null;
    await Promise.all([connection?.close(), this.#connecting]);
  }

  #again(wait: number): void {
    this.#wait = Math.max(AGAIN.first, wait);
    // Those that were lost together do not come back together.
    this.#retry = setTimeout(() => void this.#try(), wait * (0.5 + Math.random() / 2));
  }

  async #try(): Promise<void> {
    this.#turn = new AbortController();
    const { signal: gone } = this.#turn;
    try {
      await this.#connect(gone);
      if (gone.aborted) return;
      this.#options.onAgain?.();
      this.#options.onTrouble?.(null);
    } catch (error) {
      if (gone.aborted) return;
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
