import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkedAddress } from '../sources/addresses.ts';
import { connectTo, type Endpoint } from './endpoint-connection.ts';
import { HeldConnection, type HeldOptions } from './held-connection.ts';
import { type Kind, OutgoingMedia, type QualityOptions } from './outgoing-media.ts';
import { NOTHING_SENT, SendingMeter, type SendingStats } from './send-stats.ts';

export type WhipOptions = Endpoint & QualityOptions;

export interface SendingEvents {
  /** What is wrong, until it is null again. Nothing has to be done: it goes on as soon as it can. */
  onTrouble?(trouble: EdgeRunnerError | null): void;
}

/** A stream on its way to a server. */
export interface Sending {
  /** Sends this one from now on: another stream, or the same whose tracks have changed. */
  setStream(stream: MediaStream): void;
  /** Since the last call. */
  stats(): Promise<SendingStats>;
  /** Settles when the server has heard of it; the stream stays the caller's. */
  close(): Promise<void>;
}

/**
 * Sends a stream to a server of WHIP (RFC 9725). A connection that breaks is made anew until it holds.
 *
 * ```ts
 * const sending = await sendWhip(stream, { url: 'https://media.example/whip/studio', token });
 * ```
 * @throws {EdgeRunnerError} as the server says; `connection-lost` when no connection comes about; `source-missing` when
 *   the stream has no track; `cors-refused`, `url-unreachable`, `browser-lacks` and their kin
 */
export async function sendWhip(
  stream: MediaStream,
  options: WhipOptions,
  events: SendingEvents = {},
): Promise<Sending> {
  const url = checkedAddress(options.url);
  const media = new OutgoingMedia(stream, options);
  let offered: readonly Kind[] = [];
  let meter: SendingMeter | null = null;
  const connect: HeldOptions['connect'] = async (hear, gone) => {
    // A server may wait for whatever it was promised: it is promised no sound where there is none.
    offered = media.kinds;
    if (offered.length === 0) throw nothingToSend();
    const connection = await connectTo(
      { ...options, url },
      { offer: (peer) => media.offer(peer, offered, 'sendonly'), answered: (peer) => media.tune(peer) },
      hear,
      gone,
    );
    meter = new SendingMeter(connection.peer);
    return connection;
  };
  const held = await HeldConnection.open({
    host: new URL(url).host,
    connect,
    onTrouble: (trouble) => events.onTrouble?.(trouble),
  }).catch((error: unknown) => {
    media.close();
    throw error;
  });
  return {
    setStream: (next) => {
      media.setStream(next);
      if (!sameKinds(media.kinds, offered)) held.renew();
    },
    stats: async () => (held.peer && meter ? meter.read() : NOTHING_SENT),
    close: async () => {
      media.close();
      await held.close();
    },
  };
}

const sameKinds = (some: readonly Kind[], others: readonly Kind[]): boolean =>
  some.length === others.length && some.every((kind) => others.includes(kind));

export const nothingToSend = () =>
  new EdgeRunnerError(
    'source-missing',
    'There is nothing to send: the stream has no track that is live.',
    'Open a camera, a screen or a processor first, and send its stream.',
  );
