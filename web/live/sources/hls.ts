import type Hls from 'hls.js';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkedAddress, whyUnreadable } from './addresses.ts';
import { type Capture, captureOf, newPlayer, notPlayable, ready } from './player.ts';
import type { OpenSource, SourceEvents } from './source.ts';

/** Milliseconds between two tries when nothing comes any more, or nothing that can be decoded; and when that is often. */
const TRY_AGAIN = 2_000;
const TRY_SELDOM = 10_000;
const OFTEN = { most: 10, within: 60_000 };
/** Milliseconds that a player waits for what it was to play next, before it is begun anew. */
const STUCK = 8_000;
/** Seconds that have to be played until all is well again: a little may be left of what was loaded before. */
const BACK = 1;

/**
 * An HLS stream, live or not. When the network goes, or what comes cannot be decoded, it is tried again until it is back.
 * @throws {EdgeRunnerError} `input-not-media`, `cors-refused`, `url-unreachable`, `url-status`
 */
export async function openHls(address: string, events: SourceEvents): Promise<OpenSource> {
  const url = checkedAddress(address);
  const { default: Class } = await import('hls.js');
  if (!Class.isSupported())
    throw new EdgeRunnerError(
      'browser-lacks',
      'This browser has no Media Source Extensions, which HLS needs here.',
      'Take a current Chrome, Edge, Firefox or Safari.',
    );
  const source = new HlsSource(url, Class, events);
  try {
    await source.open();
    return source;
  } catch (error) {
    source.close();
    throw error;
  }
}

class HlsSource implements OpenSource {
  readonly name: string;
  readonly player = newPlayer();
  readonly #Class: typeof Hls;
  readonly #events: SourceEvents;
  #hls: Hls | null = null;
  #capture: Capture | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stuck: ReturnType<typeof setTimeout> | undefined;
  /** When it was begun anew. */
  #begun: number[] = [];
  /** Where the player was when something was last told; null while nothing is wrong. Seconds. */
  #troubledAt: number | null = null;
  #closed = false;

  constructor(url: string, Class: typeof Hls, events: SourceEvents) {
    this.name = url;
    this.#Class = Class;
    this.#events = events;
    this.player.onended = () => this.#tell(over());
  }

  get stream(): MediaStream {
    return this.#capture!.stream;
  }

  get soundLead(): number {
    return this.#capture!.soundLead;
  }

  async open(): Promise<void> {
    const { Events } = this.#Class;
    const hls = new this.#Class({ lowLatencyMode: true, backBufferLength: 10 });
    this.#hls = hls;
    let plays = false;
    const failed = new Promise<never>((_resolve, reject) => {
      hls.on(Events.ERROR, (_event, { fatal, type, details, response }) => {
        if (!fatal) return;
        if (plays) this.#fault(type);
        else reject({ type, details, status: response?.code ?? 0 });
      });
    });
    failed.catch(() => {});
    // A picture that moves is what was waited for: what is loaded may be nothing that plays.
    this.player.ontimeupdate = () => {
      clearTimeout(this.#stuck);
      if (plays && this.#moves()) this.#tell(null);
    };
    // Of some segments hls.js only finds that they cannot be used, and waits.
    this.player.onwaiting = () => {
      clearTimeout(this.#stuck);
      if (plays) this.#stuck = setTimeout(() => this.revive(), STUCK);
    };
    try {
      hls.loadSource(this.name);
      hls.attachMedia(this.player);
      await Promise.race([ready(this.player, this.name), failed]);
      await this.player.play();
    } catch (error) {
      throw error instanceof EdgeRunnerError ? error : await whyNot(this.name, error as HlsFault);
    }
    plays = true;
    if (this.#troubledAt !== null) this.#troubledAt = this.player.currentTime;
    this.#capture = captureOf(this.player);
    // A stream whose codec changes is another track of the same player.
    this.#capture.stream.onaddtrack = ({ track }) => {
      if (track.kind === 'video') this.#events.onStream(this.stream);
    };
    // One that was over before is played over and over, as a file is.
    this.player.loop = hls.latestLevelDetails?.live === false;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#stuck);
    letGo(this.#capture);
    this.#hls?.destroy();
    this.player.removeAttribute('src');
    this.player.load();
  }

  #tell(trouble: EdgeRunnerError | null): void {
    this.#troubledAt = trouble && this.player.currentTime;
    this.#events.onTrouble(trouble);
  }

  /** Again, after something was told. One that is played over and over goes back, too. */
  #moves(): boolean {
    return this.#troubledAt !== null && Math.abs(this.player.currentTime - this.#troubledAt) > BACK;
  }

  #fault(type: string): void {
    if (type === this.#Class.ErrorTypes.MEDIA_ERROR) {
      this.#beginAnew(undecodable(this.name));
      return;
    }
    this.#tell(lost(this.name));
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#hls?.startLoad(), TRY_AGAIN);
  }

  /** Unless it is tried again already. A player that goes on may have lost what is captured of it, too (Chromium). */
  revive(): void {
    if (this.#troubledAt === null) this.#beginAnew(lost(this.name));
  }

  /** With another player's work, after a while: of a live stream that is past what could not be played. */
  #beginAnew(trouble: EdgeRunnerError): void {
    this.#tell(trouble);
    clearTimeout(this.#stuck);
    clearTimeout(this.#retry);
    // What the player still tells is of before.
    this.player.ontimeupdate = this.player.onwaiting = null;
    this.#hls?.destroy();
    const now = performance.now();
    this.#begun = [...this.#begun.filter((at) => now - at < OFTEN.within), now];
    const wait = this.#begun.length > OFTEN.most ? TRY_SELDOM : TRY_AGAIN;
    this.#retry = setTimeout(() => void this.#openAgain(), wait);
  }

  /** The player begins anew: what was captured of it before has ended. */
  async #openAgain(): Promise<void> {
    const before = this.#capture;
    try {
      await this.open();
    } catch (error) {
      if (!this.#closed) this.#beginAnew(EdgeRunnerError.from(error));
      return;
    }
    if (this.#closed) return letGo(this.#capture);
    this.#events.onStream(this.stream);
    letGo(before);
  }
}

function letGo(capture: Capture | null): void {
  capture?.release();
  for (const track of capture?.stream.getTracks() ?? []) track.stop();
}

interface HlsFault {
  type: string;
  details: string;
  /** 0 where there was no answer. */
  status: number;
}

async function whyNot(url: string, { type, status, details }: HlsFault): Promise<EdgeRunnerError> {
  if (status >= 400)
    return new EdgeRunnerError(
      'url-status',
      `${new URL(url).host} answers ${status} for this address.`,
      'See that the address is right, and that nobody has to log in for it.',
    );
  if (type === 'networkError' && !/parsing/i.test(details))
    return whyUnreadable(url, 'playlist and its segments');
  return notPlayable(url, 'H.264 with AAC, in segments of MPEG-TS or fragmented MP4, plays everywhere.');
}

const lost = (url: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `Nothing comes from ${new URL(url).host} any more.`,
    'It is tried again until it does.',
  );

const over = () =>
  new EdgeRunnerError('source-ended', 'The stream has ended.', 'Choose another source, or the same again.');

const undecodable = (url: string) =>
  new EdgeRunnerError(
    'input-decode',
    `What came from ${new URL(url).host} cannot be decoded.`,
    'It goes on with what comes next.',
  );
