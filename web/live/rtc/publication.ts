import {
  type BannerInput,
  type BannerState,
  type EdgeRunnerError,
  type KeptBanner,
  parseBanner,
} from '../../../protocol/index.ts';
import { AnsweredPeers } from './answered-peers.ts';
import { OutgoingMedia, type QualityOptions } from './outgoing-media.ts';
import { type Heard, PublisherLink, type ServerOptions } from './publisher-link.ts';
import type { Published } from './publisher-messages.ts';
import { SendingMeter, type SendingStats, worstOf } from './send-stats.ts';

export interface PublishOptions extends ServerOptions, QualityOptions {
  /** That the page sends to at a time, at most: each gets an encoder of its own. Default: 8. */
  maxViewers?: number;
  /** Whether what viewers send is taken ({@link callStream}). Default: no; they are only sent to then. */
  calls?: boolean;
  /** Why a viewer is not taken, in words that it is told; null takes it. */
  refuse?(viewer: string): string | null;
}

export interface PublicationEvents {
  /** What is wrong, until it is null again. Nothing has to be done: it goes on as soon as it can. */
  onTrouble?(trouble: EdgeRunnerError | null): void;
  /** How many there are now. */
  onViewers?(viewers: number): void;
  /**
   * What lies over the picture from now on, whoever set it: this page too, but nothing that is older than what it has set
   * last.
   */
  onBanner?(state: BannerState): void;
  /** Somebody calls, and sends this; null when they are gone. */
  onCaller?(viewer: string, stream: MediaStream | null): void;
  /** It is over, and closed: deleted, taken over, its token revoked. */
  onEnd?(error: EdgeRunnerError): void;
}

export interface PublicationStats extends SendingStats {
  /** Of each; what is beside it are bits of all together, and the picture of whoever has it worst. */
  viewers: ReadonlyMap<string, SendingStats>;
}

/**
 * Publishes a stream from this page: others watch it by WHEP at an address of the server, which passes their offers on.
 * Picture and sound go from here to each of them.
 *
 * ```ts
 * const publication = await publishStream(stream, { server: 'https://farm.example', token, name: 'studio' });
 * link.textContent = publication.address;
 * ```
 * @param stream the caller's, as are its tracks.
 * @throws {EdgeRunnerError} as the server says (`conflict`, `token-unknown`, `scope-missing` and their kin);
 *   `server-unreachable`, `option-invalid`, `browser-lacks`
 */
export async function publishStream(
  stream: MediaStream,
  options: PublishOptions,
  events: PublicationEvents = {},
): Promise<Publication> {
  return Publication.open(stream, options, events);
}

/** A stream that this page publishes. */
export class Publication {
  readonly #options: PublishOptions;
  readonly #events: PublicationEvents;
  readonly #media: OutgoingMedia;
  readonly #peers: AnsweredPeers;
  readonly #meters = new Map<string, SendingMeter>();
  readonly #callers = new Map<string, MediaStream>();
  #link: PublisherLink | null = null;
  #iceServers: readonly RTCIceServer[] = [];
  #banner: KeptBanner | null = null;
  /** How often this page has changed it. */
  #edits = 0;

  /** {@link publishStream} */
  static async open(
    stream: MediaStream,
    options: PublishOptions,
    events: PublicationEvents,
  ): Promise<Publication> {
    const publication = new Publication(stream, options, events);
    await publication.#open();
    return publication;
  }

  private constructor(stream: MediaStream, options: PublishOptions, events: PublicationEvents) {
    this.#options = options;
    this.#events = events;
    this.#media = new OutgoingMedia(stream, options);
    const direction = options.calls ? 'sendrecv' : 'sendonly';
    this.#peers = new AnsweredPeers({
      iceServers: () => [...this.#iceServers, ...(options.iceServers ?? [])],
      refuses: (viewer) => options.refuse?.(viewer) ?? null,
      offered: (peer) => this.#media.answer(peer, direction),
      answered: (viewer, peer) => this.#answered(viewer, peer),
      connected: (viewer) => this.#connected(viewer),
      gone: (viewer) => this.#gone(viewer),
      say: (signal) => this.#link?.say(signal),
    });
  }

  async #open(): Promise<void> {
    const { maxViewers = 8 } = this.#options;
    try {
      const { link, published } = await PublisherLink.open(
        this.#options,
        { direction: 'out', maxViewers },
        {
          hear: (message) => this.#hear(message),
          trouble: (error) => this.#events.onTrouble?.(error),
          ended: (error) => {
            this.#closeMedia();
            this.#events.onEnd?.(error);
          },
        },
      );
      this.#link = link;
      this.#hear(published);
    } catch (error) {
      this.#media.close();
      throw error;
    }
  }

  /** Of the stream, at the server. */
  get id(): string {
    return this.#link!.stream;
  }

  /** Where it is watched by WHEP. */
  get address(): string {
    return this.#link!.address;
  }

  /** How many there are now. */
  get viewers(): number {
    return this.#meters.size;
  }

  /**
   * What lies over the picture, as the server keeps it; null as long as nobody has set anything. Its revision rises with
   * each change, whoever made it.
   */
  get banner(): KeptBanner | null {
    return this.#banner;
  }

  /** Sends this one from now on: another stream, or the same whose tracks have changed. */
  setStream(stream: MediaStream): void {
    this.#media.setStream(stream);
  }

  /**
   * Lays something else over the picture, as often as it changes: what the server has no time for is left out, but never
   * the last. That comes back by `onBanner` when it is kept.
   * @throws {EdgeRunnerError} `banner-invalid`
   */
  setBanner(banner: BannerInput): void {
    const state = parseBanner(banner);
    this.#link!.say({ type: 'banner', edit: ++this.#edits, state });
  }

  /** Sends a viewer away. */
  dismiss(viewer: string): void {
    this.#peers.dismiss(viewer);
  }

  /** Since the last call. */
  async stats(): Promise<PublicationStats> {
    const viewers = new Map(
      await Promise.all(
        [...this.#meters].map(async ([viewer, meter]) => [viewer, await meter.read()] as const),
      ),
    );
    return { ...worstOf([...viewers.values()]), viewers };
  }

  /** Sends all viewers away; settles when the server has heard of it. The stream stays the caller's. */
  async close(): Promise<void> {
    this.#closeMedia();
    await this.#link!.close();
  }

  #closeMedia(): void {
    this.#peers.close();
    this.#media.close();
  }

  #hear(message: Heard): void {
    if (message.type === 'published') this.#take(message);
    if (message.type === 'banner') this.#show(message);
    else this.#peers.hear(message);
  }

  #take({ iceServers, banner, edit }: Published): void {
    this.#iceServers = iceServers;
    if (banner) this.#show({ ...banner, edit });
  }

  #show({ revision, state, edit }: KeptBanner & { edit: number }): void {
    if (revision === this.#banner?.revision) return;
    this.#banner = { revision, state };
    // Else it was told before the worker heard of the page's last change.
    if (edit === this.#edits) this.#events.onBanner?.(state);
  }

  async #answered(viewer: string, peer: RTCPeerConnection): Promise<void> {
    await this.#media.tune(peer);
    this.#meters.set(viewer, new SendingMeter(peer));
    const sent = peer
      .getTransceivers()
      .filter(({ currentDirection }) => currentDirection === 'sendrecv' || currentDirection === 'recvonly')
      .map(({ receiver }) => receiver.track);
    if (sent.length > 0) this.#callers.set(viewer, new MediaStream(sent));
    this.#events.onViewers?.(this.viewers);
  }

  #connected(viewer: string): void {
    const stream = this.#callers.get(viewer);
    if (stream) this.#events.onCaller?.(viewer, stream);
  }

  #gone(viewer: string): void {
    if (this.#callers.delete(viewer)) this.#events.onCaller?.(viewer, null);
    if (this.#meters.delete(viewer)) this.#events.onViewers?.(this.viewers);
  }
}
