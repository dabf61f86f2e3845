import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkedAddress } from '../sources/addresses.ts';
import { connectTo } from './endpoint-connection.ts';
import { HeldConnection } from './held-connection.ts';
import { KINDS, OutgoingMedia } from './outgoing-media.ts';
import { NOTHING_SENT, SendingMeter } from './send-stats.ts';
import { nothingToSend, type Sending, type SendingEvents, type WhipOptions } from './whip.ts';

export interface CallEvents extends SendingEvents {
  /** The other page's picture and sound, in the place of what was there before: the connection was made anew. */
  onStream?(stream: MediaStream): void;
}

/** A call with a page that publishes. */
export interface Call extends Sending {
  /** Of the other page. */
  readonly stream: MediaStream;
}

/**
 * Calls a page that publishes with `calls: true`: one WHEP offer, over which picture and sound go both ways.
 * @param options the address of the other page's publication, and a token of scope `view`.
 * @throws {EdgeRunnerError} `stream-direction` when that page takes no calls; else as `sendWhip`
 */
export async function callStream(
  stream: MediaStream,
  options: WhipOptions,
  events: CallEvents = {},
): Promise<Call> {
  const url = checkedAddress(options.url);
  const media = new OutgoingMedia(stream, options);
  let theirs = new MediaStream();
  let meter: SendingMeter | null = null;
  const held = await HeldConnection.open({
    host: new URL(url).host,
    connect: async (hear, gone) => {
      if (media.kinds.length === 0) throw nothingToSend();
      const next = new MediaStream();
      const connection = await connectTo(
        { ...options, url },
        {
          offer: async (peer) => {
            peer.addEventListener('track', ({ track }) => next.addTrack(track));
            // Both, whatever there is now: the other may come within the call.
            await media.offer(peer, KINDS, 'sendrecv');
          },
          answered: async (peer) => {
            if (!peer.getTransceivers().some(({ currentDirection }) => sends(currentDirection)))
              throw takesNoCalls();
            await media.tune(peer);
          },
        },
        hear,
        gone,
      );
      theirs = next;
      meter = new SendingMeter(connection.peer);
      return connection;
    },
    onAgain: () => events.onStream?.(theirs),
    onTrouble: (trouble) => events.onTrouble?.(trouble),
  }).catch((error: unknown) => {
    media.close();
    throw error;
  });
  return {
    get stream() {
      return theirs;
    },
    setStream: (next) => media.setStream(next),
    stats: async () => (held.peer && meter ? meter.read() : NOTHING_SENT),
    close: async () => {
      media.close();
      await held.close();
    },
  };
}

const sends = (direction: RTCRtpTransceiverDirection | null) =>
  direction === 'sendrecv' || direction === 'sendonly';

const takesNoCalls = () =>
  new EdgeRunnerError(
    'stream-direction',
    'The page that publishes this stream takes no calls: it would neither see nor hear you.',
    'Watch the stream, or have it published with calls.',
  );
