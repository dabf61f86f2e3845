import { signal } from '@preact/signals';
import { enter } from './session.ts';

/** Milliseconds after which a stream that was refused is asked for again. */
const RETRY_MS = 5_000;

/** What is followed: where it is told, and what is done with what is told. */
export interface Channel {
  /** Asked for each connection anew: what is known by then has not to be told again. */
  address(): string;
  /** Of its events. */
  types: readonly string[];
  hear(event: MessageEvent<string>): void;
  /** A connection is there, and has told nothing yet. */
  opened?(): void;
  /** The connection ended, or was refused. */
  ended?(): void;
}

/**
 * The one stream of events that this page holds, and only while somebody sees it: to one server a browser opens six
 * connections, of all its tabs together, and a seventh would wait until one of them is closed.
 */
export class PageStream {
  /** Whether what is shown is of before: the connection broke, and no other has come yet. */
  readonly lost = signal(false);
  #channel: Channel | null = null;
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    document.addEventListener('visibilitychange', () => (isSeen() ? this.#open() : this.#close()));
  }

  /** Follows this, and no longer what was followed before. */
  follow(channel: Channel): void {
    this.#close();
    this.#channel = channel;
    if (isSeen()) this.#open();
  }

  /** Follows nothing more, where it is this that is followed. */
  leave(channel: Channel): void {
    if (this.#channel !== channel) return;
    this.#close();
    this.#channel = null;
  }

  #open(): void {
    this.#close();
    const channel = this.#channel;
    if (!channel) return;
    const source = new EventSource(channel.address());
    this.#source = source;
    source.onopen = () => {
      this.lost.value = false;
      channel.opened?.();
    };
    for (const type of channel.types)
      source.addEventListener(type, (event: MessageEvent<string>) => channel.hear(event));
    source.onerror = () => {
      this.lost.value = true;
      if (source.readyState === EventSource.CLOSED) {
        // Refused, not broken off: perhaps this browser is logged in no more.
        void enter();
        this.#retry = setTimeout(() => this.#open(), RETRY_MS);
      }
      channel.ended?.();
    };
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }
}

const isSeen = (): boolean => document.visibilityState === 'visible';

export const stream = new PageStream();
