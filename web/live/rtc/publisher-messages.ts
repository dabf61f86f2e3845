import type {
  ErrorRecord,
  KeptBanner,
  Publish,
  PublisherSignal,
  ToPublisher,
} from '../../../protocol/index.ts';
import type { BannerChange } from './banner-changes.ts';

/** The page's own changes of the banner that are counted in, or were refused: up to this one. */
interface Counted {
  edit: number;
}
export type Published = Extract<ToPublisher, { type: 'published' }> & Counted;
export type ToldBanner = { type: 'banner' } & KeptBanner & Counted;
export type Said = PublisherSignal | ({ type: 'banner' } & BannerChange);

/** Who publishes what, and where. */
export interface PublisherSetup {
  /** Of the server's socket. */
  url: string;
  publish: Omit<Publish, 'type' | 'protocol' | 'stream'>;
}

export type ToPublisherWorker =
  | { type: 'open'; setup: PublisherSetup }
  | { type: 'say'; message: Said }
  /** After all that was said before. */
  | { type: 'close' };

export type FromPublisherWorker =
  | Published
  | ToldBanner
  | Extract<ToPublisher, { type: 'signal' }>
  /** Whoever is listed in the last `published` and waits for an answer has made its offer by now. */
  | { type: 'settled' }
  /** What is wrong with the connection, or with one message; null when all is well again. */
  | { type: 'trouble'; error: ErrorRecord | null }
  /** It is over: nothing more is tried. */
  | { type: 'ended'; error: ErrorRecord }
  | { type: 'closed' };
