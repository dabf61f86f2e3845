import { EdgeRunnerError } from '../../../protocol/index.ts';
import { askForIceServers } from './ice-links.ts';
import { checkPeers, connected, described, newPeer, type PeerState, watchPeer } from './peer.ts';
import { exchangeSdp, type SdpEndpoint, type SdpSession } from './sdp-exchange.ts';
import { withBetterStart } from './start-bitrate.ts';

export interface Endpoint extends SdpEndpoint {
  /** STUN and TURN servers, besides those that the endpoint names. */
  iceServers?: readonly RTCIceServer[];
}

/** What goes over a connection. */
export interface OfferedMedia {
  /** Adds it to a connection that is about to be offered. */
  offer(peer: RTCPeerConnection): void | Promise<void>;
  /** The answer is known. What it throws ends the connection. */
  answered?(peer: RTCPeerConnection): void | Promise<void>;
}

/** A connection with an endpoint of WHIP or WHEP, which has come about. */
export interface EndpointConnection {
  readonly peer: RTCPeerConnection;
  /** Ends it here at once, and says so at the endpoint; settles when that has heard of it. */
  close(): Promise<void>;
}

/** Milliseconds within which a connection has to come about. */
const PATIENCE = 15_000;

/**
 * Offers, and waits until media can flow.
 * @param hear how it goes after that.
 * @param gone nobody waits for it any more. It rejects, when the endpoint has heard of it, too.
 * @throws {EdgeRunnerError} as `exchangeSdp`; `connection-lost` when none comes about; `browser-lacks`
 */
export async function connectTo(
  { url, token, iceServers: own = [] }: Endpoint,
  media: OfferedMedia,
  hear: (state: PeerState) => void,
  gone: AbortSignal,
): Promise<EndpointConnection> {
  checkPeers();
  const endpoint = { url, ...(token && { token }) };
  const peer = peerWith(own, await askForIceServers(endpoint, gone));
  let session: SdpSession | null = null;
  let open = false;
  const close = async () => {
    open = false;
    peer.close();
    await session?.end();
  };
  const leave = () => peer.close();
  gone.addEventListener('abort', leave);
  try {
    gone.throwIfAborted();
    await media.offer(peer);
    const offer = await described(peer, await peer.createOffer(), gone);
    gone.throwIfAborted();
    session = await exchangeSdp(endpoint, offer, gone);
    const sdp = withBetterStart(session.answer);
    await peer.setRemoteDescription({ type: 'answer', sdp }).catch((error: unknown) => {
      throw unusable(url, error);
    });
    await media.answered?.(peer);
    await connected(peer, PATIENCE, () => noPicture(url), gone);
    open = true;
    watchPeer(peer, (state) => {
      if (open) hear(state);
    });
    return { peer, close };
  } catch (error) {
    const closed = close();
    // Whoever wants to know what is wrong does not wait for that.
    if (gone.aborted) await closed;
    throw error;
  } finally {
    gone.removeEventListener('abort', leave);
  }
}

/** What a browser does not take of what others say is left out; of what the page says, the page hears. */
function peerWith(own: readonly RTCIceServer[], told: readonly RTCIceServer[]): RTCPeerConnection {
  try {
    return newPeer([...own, ...told]);
  } catch {
    return newPeer(own);
  }
}

const unusable = (url: string, error: unknown) =>
  new EdgeRunnerError(
    'input-not-media',
    `What ${new URL(url).host} answers is nothing that this browser can take: ${error instanceof Error ? error.message : error}`,
    'See that both ends know a codec in common; most know VP8, H.264 and Opus.',
  );

const noPicture = (url: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `${new URL(url).host} answers, but no connection for the picture comes about.`,
    'A firewall may be between: configure a TURN server.',
  );
