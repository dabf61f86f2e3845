export interface QualityOptions {
  /** Bits a second of the picture, at most. Default: 2.5 Mbit/s for 1280x720, more or less for more or fewer pixels. */
  maxBitrate?: number;
  /**
   * What gives way when the network or the processor cannot carry all. Default: `maintain-framerate`. Of a 720p picture
   * with motion held to 400 kbit/s Chromium makes 960x540 at 30 frames a second then: softer, and fluid, and banners
   * that are as large as banners are stay readable. `balanced` made 480x270 at 15 of it, worse in both; and
   * `maintain-resolution`, right for slides, lets a picture with motion fall to blocks and then to a few frames a second.
   */
  degradationPreference?: RTCDegradationPreference;
}

export const KINDS = ['video', 'audio'] as const;
export type Kind = (typeof KINDS)[number];
type Senders = Partial<Record<Kind, RTCRtpTransceiver>>;

const AT_720P = { bitrate: 2_500_000, pixels: 1280 * 720 };
const BITRATES = { least: 500_000, most: 8_000_000 };

/** The tracks of a stream, as they go out to any number of connections: what the stream becomes, all of them send. */
export class OutgoingMedia {
  readonly #options: QualityOptions;
  readonly #senders = new Map<RTCPeerConnection, Senders>();
  #stream: MediaStream;
  readonly #look = () => this.#replace();

  /** @param stream the caller's, as are its tracks. */
  constructor(stream: MediaStream, options: QualityOptions) {
    this.#options = options;
    this.#stream = stream;
    this.#listen();
  }

  /** What the stream has now. */
  get kinds(): readonly Kind[] {
    return KINDS.filter((kind) => this.#track(kind) !== null);
  }

  /** Adds what is to be offered. */
  async offer(
    peer: RTCPeerConnection,
    kinds: readonly Kind[],
    direction: 'sendonly' | 'sendrecv',
  ): Promise<void> {
    const senders: Senders = {};
    for (const kind of kinds) {
      const init: RTCRtpTransceiverInit = { direction, streams: [this.#stream] };
      senders[kind] = peer.addTransceiver(this.#track(kind) ?? kind, init);
    }
    this.#keep(peer, senders);
    await this.tune(peer);
  }

  /**
   * Puts it into what another end has offered: into the first place of each kind, the others stay empty. A kind that the
   * stream has not now may still come, so its place is taken, too.
   */
  async answer(peer: RTCPeerConnection, direction: 'sendonly' | 'sendrecv'): Promise<void> {
    const senders: Senders = {};
    for (const transceiver of peer.getTransceivers()) {
      const kind = transceiver.receiver.track.kind as Kind;
      transceiver.direction = senders[kind] ? 'inactive' : direction;
      if (senders[kind]) continue;
      senders[kind] = transceiver;
      transceiver.sender.setStreams(this.#stream);
    }
    // Before anything is waited for: the stream may become another one meanwhile.
    this.#keep(peer, senders);
    await this.#fill(senders);
  }

  /** The bitrate and the like of a connection whose descriptions are set. */
  async tune(peer: RTCPeerConnection): Promise<void> {
    const sender = this.#senders.get(peer)?.video?.sender;
    if (!sender) return;
    const parameters = sender.getParameters();
    const maxBitrate = this.#options.maxBitrate ?? bitrateFor(sender.track);
    for (const encoding of parameters.encodings) encoding.maxBitrate = maxBitrate;
    parameters.degradationPreference = this.#options.degradationPreference ?? 'maintain-framerate';
    // A connection that was closed meanwhile; a browser that knows no such word.
    await sender.setParameters(parameters).catch(() => {});
  }

  /** Sends the tracks of this one from now on: another stream, or the same whose tracks the page has changed. */
  setStream(stream: MediaStream): void {
    this.close();
    this.#stream = stream;
    this.#listen();
    this.#replace();
  }

  /** Listens no more. */
  close(): void {
    this.#stream.removeEventListener('addtrack', this.#look);
    this.#stream.removeEventListener('removetrack', this.#look);
  }

  /** What a browser adds to a stream by itself is told; what a page adds is not. */
  #listen(): void {
    this.#stream.addEventListener('addtrack', this.#look);
    this.#stream.addEventListener('removetrack', this.#look);
  }

  #keep(peer: RTCPeerConnection, senders: Senders): void {
    for (const other of this.#senders.keys())
      if (other.connectionState === 'closed') this.#senders.delete(other);
    this.#senders.set(peer, senders);
  }

  #replace(): void {
    for (const [peer, senders] of this.#senders) {
      // One that was closed meanwhile sends nothing anyway.
      this.#fill(senders).then(
        () => this.tune(peer),
        () => {},
      );
    }
  }

  /** Settles when they send what the stream has by then. */
  async #fill(senders: Senders): Promise<void> {
    const filled = KINDS.map(async (kind) => {
      const sender = senders[kind]?.sender;
      while (sender && sender.track !== this.#track(kind)) await sender.replaceTrack(this.#track(kind));
    });
    await Promise.all(filled);
  }

  #track(kind: Kind): MediaStreamTrack | null {
    const live = this.#stream
      .getTracks()
      .filter((track) => track.kind === kind && track.readyState === 'live');
    // The one that came last takes the place of those before.
    const track = live.at(-1) ?? null;
    if (track) hint(track);
    return track;
  }
}

/**
 * A picture of cameras with text over it is motion to an encoder: hinted as `text` or `detail`, Chromium would treat it
 * as slides, of which it sends few frames. A page that has hinted otherwise is heeded, and so is a browser that knows
 * that the track is of a screen.
 */
function hint(track: MediaStreamTrack): void {
  if (track.kind === 'video' && track.contentHint === '' && !track.getSettings().displaySurface)
    track.contentHint = 'motion';
}

/** A larger picture has more pixels, and more of them alike. */
function bitrateFor(track: MediaStreamTrack | null): number {
  const { width, height } = track?.getSettings() ?? {};
  if (!width || !height) return AT_720P.bitrate;
  const wanted = AT_720P.bitrate * ((width * height) / AT_720P.pixels) ** 0.75;
  return Math.round(Math.min(BITRATES.most, Math.max(BITRATES.least, wanted)));
}
