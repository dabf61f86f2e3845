import { EdgeRunnerError } from '../../../protocol/index.ts';
import { described, newPeer, watchPeer } from '../rtc/peer.ts';
import { exchangeSdp, type SdpSession } from '../rtc/sdp-exchange.ts';
import { checkedAddress } from './addresses.ts';
import type { OpenSource, SourceEvents } from './source.ts';

export interface WhepOptions {
  url: string;
  /** Bearer token, where the address wants one. */
  token?: string;
  /** STUN and TURN servers; none by default. */
  iceServers?: readonly RTCIceServer[];
}

/** Milliseconds before the first try to connect again, and at most. */
const AGAIN = { first: 1_000, most: 10_000 };
/** Milliseconds within which the first picture has to come. */
const PATIENCE = 15_000;

/**
 * A live stream over WebRTC. A connection that breaks is made anew until it holds.
 * @throws {EdgeRunnerError} as `exchangeSdp`; `connection-lost` when no picture comes; `browser-lacks`
 */
export async function openWhep(options: WhepOptions, events: SourceEvents): Promise<OpenSource> {
  const url = checkedAddress(options.url);
  let closed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let wait = AGAIN.first;
  const again = () => {
    clearTimeout(retry);
    if (closed) return;
    retry = setTimeout(async () => {
      try {
        const next = await connect({ ...options, url }, hear);
        if (closed) return void next.close();
        view = next;
        wait = AGAIN.first;
        events.onStream(next.stream);
        events.onTrouble(null);
      } catch (error) {
        events.onTrouble(EdgeRunnerError.from(error));
        wait = Math.min(AGAIN.most, 2 * wait);
        again();
      }
    }, wait);
  };
  const hear = (state: 'connected' | 'disconnected' | 'failed') => {
    if (closed) return;
    events.onTrouble(state === 'connected' ? null : lost(url));
    if (state !== 'failed') return;
    view.close();
    again();
  };
  let view = await connect({ ...options, url }, hear);
  return {
    name: url,
    player: null,
    get stream() {
      return view.stream;
    },
    close: () => {
      closed = true;
      clearTimeout(retry);
      view.close();
    },
  };
}

interface View {
  stream: MediaStream;
  close(): void;
}

async function connect(
  { url, token, iceServers = [] }: WhepOptions,
  hear: (state: 'connected' | 'disconnected' | 'failed') => void,
): Promise<View> {
  const peer = newPeer(iceServers);
  let session: SdpSession | null = null;
  let open = false;
  const close = () => {
    open = false;
    peer.close();
    session?.end();
  };
  try {
    peer.addTransceiver('video', { direction: 'recvonly' });
    peer.addTransceiver('audio', { direction: 'recvonly' });
    const stream = new MediaStream();
    peer.addEventListener('track', ({ track }) => stream.addTrack(track));
    session = await exchangeSdp(
      { url, ...(token && { token }) },
      await described(peer, await peer.createOffer()),
    );
    const connected = new Promise<void>((resolve, reject) => {
      const tooLate = setTimeout(() => reject(noPicture(url)), PATIENCE);
      watchPeer(peer, (state) => {
        if (open) hear(state);
        else if (state !== 'disconnected') {
          clearTimeout(tooLate);
          if (state === 'connected') resolve();
          else reject(noPicture(url));
        }
      });
    });
    await peer.setRemoteDescription({ type: 'answer', sdp: session.answer });
    await connected;
    open = true;
    return { stream, close };
  } catch (error) {
    close();
    throw error;
  }
}

const lost = (url: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `The connection to ${new URL(url).host} is interrupted.`,
    'It is made anew as soon as the network lets it.',
  );

const noPicture = (url: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `${new URL(url).host} answers, but no connection for the picture comes about.`,
    'A firewall may be between: configure a TURN server.',
  );
