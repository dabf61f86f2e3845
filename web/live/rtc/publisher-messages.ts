import type {
  BannerState,
  ErrorRecord,
  Publish,
  PublisherSignal,
  ToPublisher,
} from '../../../protocol/index.ts';

export type Published = Extract<ToPublisher, { type: 'published' }>;
export type Said = PublisherSignal | { type: 'banner'; state: BannerState };

/** Who publishes what, and where. */
export interface PublisherSetup {
  /** Of the server's socket. */
  url: string;
  publish: Omit<Publish, 'type' | 'protocol'>;
}

export type ToPublisherWorker =
  | { type: 'open'; setup: PublisherSetup }
  | { type: 'say'; message: Said }
  /** After all that was said before. */
  | { type: 'close' };

export type FromPublisherWorker =
  | Extract<ToPublisher, { type: 'published' | 'banner' | 'signal' }>
  /** Whoever is listed in the last `published` and waits for an answer has made its offer by now. */
  | { type: 'settled' }
  /** What is wrong with the connection, or with one message; null when all is well again. */
  | { type: 'trouble'; error: ErrorRecord | null }
  /** It is over: nothing more is tried. */
  | { type: 'ended'; error: ErrorRecord }
  | { type: 'closed' };
