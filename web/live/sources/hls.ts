import type Hls from 'hls.js';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkedAddress, whyUnreadable } from './addresses.ts';
import { type Capture, captureOf, newPlayer, notPlayable, ready } from './player.ts';
import type { OpenSource, SourceEvents } from './source.ts';

/** Milliseconds between two tries when nothing comes any more, or nothing that can be decoded. */
const TRY_AGAIN = 2_000;
/** After so many within that many milliseconds of what cannot be decoded, it is no stream. */
const TORN = { most: 10, within: 60_000 };

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
  /** When something could not be decoded. */
  #torn: number[] = [];
  #closed = false;

  constructor(url: string, Class: typeof Hls, events: SourceEvents) {
    this.name = url;
    this.#Class = Class;
    this.#events = events;
    this.player.onended = () => events.onTrouble(over());
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
    hls.on(Events.FRAG_BUFFERED, () => {
      if (plays) this.#events.onTrouble(null);
    });
    try {
      hls.loadSource(this.name);
      hls.attachMedia(this.player);
      await Promise.race([ready(this.player, this.name), failed]);
      await this.player.play();
    } catch (error) {
      throw error instanceof EdgeRunnerError ? error : await whyNot(this.name, error as HlsFault);
    }
    plays = true;
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
    letGo(this.#capture);
    this.#hls?.destroy();
    this.player.removeAttribute('src');
    this.player.load();
  }

  #fault(type: string): void {
    clearTimeout(this.#retry);
    if (type !== this.#Class.ErrorTypes.MEDIA_ERROR) {
      this.#events.onTrouble(lost(this.name));
      this.#retry = setTimeout(() => this.#hls?.startLoad(), TRY_AGAIN);
      return;
    }
    const now = performance.now();
    this.#torn = [...this.#torn.filter((at) => now - at < TORN.within), now];
    const again = this.#torn.length <= TORN.most;
    this.#events.onTrouble(again ? undecodable(this.name) : notPlayable(this.name));
    this.#hls?.destroy();
    if (again) this.#retry = setTimeout(() => void this.#openAgain(), TRY_AGAIN);
  }

  /** The player begins anew: what was captured of it before has ended. */
  async #openAgain(): Promise<void> {
    const before = this.#capture;
    try {
      await this.open();
    } catch {
      if (!this.#closed) this.#fault(this.#Class.ErrorTypes.MEDIA_ERROR);
      return;
    }
    if (this.#closed) return letGo(this.#capture);
    this.#events.onStream(this.stream);
    this.#events.onTrouble(null);
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
  return notPlayable(url);
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
