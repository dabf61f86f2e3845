import type { EdgeRunnerError } from '../../../protocol/index.ts';
import { AnsweredPeers } from './answered-peers.ts';
import { type Heard, PublisherLink, type ServerOptions } from './publisher-link.ts';

export interface ReceiveOptions extends ServerOptions {
  /** Why a sender is not taken, in words that it is told; null takes it. */
  refuse?(sender: string): string | null;
}

export interface ReceptionEvents {
  /** Another sender's picture and sound; null when nobody sends any more. */
  onStream?(stream: MediaStream | null): void;
  /** What is wrong, until it is null again. Nothing has to be done: it goes on as soon as it can. */
  onTrouble?(trouble: EdgeRunnerError | null): void;
  /** It is over, and closed: deleted, taken over, its token revoked. */
  onEnd?(error: EdgeRunnerError): void;
}

/**
 * The one who sends and the one who takes its place. A sender whose network broke comes back before the server knows that
 * it was gone: this page knows sooner. Who sends well is not sent away for another one: both would come back for ever.
 */
const PLACES = 2;

/**
 * Receives a stream into this page: an encoder such as OBS, or another page, sends it by WHIP to an address of the server,
 * which passes the offer on. One sends at a time; who comes meanwhile is refused, until the one before is silent or gone.
 *
 * ```ts
 * const reception = await receiveStream({ server: 'https://farm.example', token, name: 'studio-in' }, {
 *   onStream: (stream) => { video.srcObject = stream; },
 * });
 * ```
 * @throws {EdgeRunnerError} as the server says (`conflict`, `token-unknown`, `scope-missing` and their kin);
 *   `server-unreachable`, `option-invalid`, `browser-lacks`
 */
export async function receiveStream(
  options: ReceiveOptions,
  events: ReceptionEvents = {},
): Promise<Reception> {
  return Reception.open(options, events);
}

/** What is sent to this page. */
export class Reception {
  readonly #options: ReceiveOptions;
  readonly #events: ReceptionEvents;
  readonly #peers: AnsweredPeers;
  readonly #sent = new Map<string, MediaStream>();
  #link: PublisherLink | null = null;
  #iceServers: readonly RTCIceServer[] = [];
  #current: string | null = null;

  /** {@link receiveStream} */
  static async open(options: ReceiveOptions, events: ReceptionEvents): Promise<Reception> {
    const reception = new Reception(options, events);
    await reception.#open();
    return reception;
  }

  private constructor(options: ReceiveOptions, events: ReceptionEvents) {
    this.#options = options;
    this.#events = events;
    this.#peers = new AnsweredPeers({
      iceServers: () => [...this.#iceServers, ...(options.iceServers ?? [])],
      refuses: (sender) => options.refuse?.(sender) ?? this.#busy(),
      // As it is: what a browser answers by itself takes all, and sends nothing.
      offered: async () => {},
      answered: (sender, peer) => {
        this.#sent.set(sender, new MediaStream(peer.getReceivers().map(({ track }) => track)));
      },
      connected: (sender) => this.#connected(sender),
      gone: (sender) => this.#gone(sender),
      say: (signal) => this.#link?.say(signal),
    });
  }

  async #open(): Promise<void> {
    const { link, published } = await PublisherLink.open(
      this.#options,
      { direction: 'in', maxViewers: PLACES },
      {
        hear: (message) => this.#hear(message),
        trouble: (error) => this.#events.onTrouble?.(error),
        ended: (error) => {
          this.#peers.close();
          this.#events.onEnd?.(error);
        },
      },
    );
    this.#link = link;
    this.#hear(published);
  }

  /** Of the stream, at the server. */
  get id(): string {
    return this.#link!.stream;
  }

  /** Where it is sent to by WHIP. */
  get address(): string {
    return this.#link!.address;
  }

  /** Of whoever sends now; null when nobody does. */
  get stream(): MediaStream | null {
    return (this.#current !== null && this.#sent.get(this.#current)) || null;
  }

  /** Sends the sender away; settles when the server has heard of it. */
  async close(): Promise<void> {
    this.#peers.close();
    await this.#link!.close();
  }

  #hear(message: Heard): void {
    if (message.type === 'banner') return;
    if (message.type === 'published') this.#iceServers = message.iceServers;
    this.#peers.hear(message);
  }

  #busy(): string | null {
    const sends = this.#current !== null && this.#peers.isConnected(this.#current);
    return sends ? 'Somebody else sends to this page now.' : null;
  }

  #connected(sender: string): void {
    const before = this.#current;
    this.#current = sender;
    this.#events.onStream?.(this.stream);
    if (before !== null) this.#peers.dismiss(before);
  }

  #gone(sender: string): void {
    this.#sent.delete(sender);
    if (sender !== this.#current) return;
    this.#current = null;
    this.#events.onStream?.(null);
  }
}
