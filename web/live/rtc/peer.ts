import { EdgeRunnerError } from '../../../protocol/index.ts';
import { missingFor } from '../missing.ts';

/** Milliseconds that candidates are gathered for, at most: a STUN server that does not answer holds nobody up. */
const GATHERING = 2_000;

export type PeerState = 'connected' | 'disconnected' | 'failed';

/** @throws {EdgeRunnerError} `browser-lacks` */
export function checkPeers(): void {
  const missing = missingFor('connection');
  if (missing) throw EdgeRunnerError.fromRecord(missing);
}

/** @throws {EdgeRunnerError} `browser-lacks` */
export function newPeer(iceServers: readonly RTCIceServer[]): RTCPeerConnection {
  checkPeers();
  return new RTCPeerConnection({ iceServers: [...iceServers], bundlePolicy: 'max-bundle' });
}

/**
 * Sets a description, and waits for its candidates: all go over in one message. @returns the SDP with them.
 * @param gone they are waited for no more.
 */
export async function described(
  peer: RTCPeerConnection,
  description: RTCLocalSessionDescriptionInit,
  gone: AbortSignal,
): Promise<string> {
  await peer.setLocalDescription(description);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, GATHERING);
    const look = () => {
      if (peer.iceGatheringState === 'complete' || gone.aborted) done();
    };
    function done() {
      clearTimeout(timer);
      gone.removeEventListener('abort', done);
      peer.removeEventListener('icegatheringstatechange', look);
      resolve();
    }
    peer.addEventListener('icegatheringstatechange', look);
    gone.addEventListener('abort', done);
    look();
  });
  return peer.localDescription!.sdp;
}

/**
 * Tells how a connection goes, from when its descriptions are set. A network that is gone for a moment comes back by
 * itself (`disconnected`); after `failed` it does not. An end that closes its connection says so over DTLS, which browsers
 * tell of the transport only: the connection itself would count as good for seconds, and as failed after twenty.
 */
export function watchPeer(peer: RTCPeerConnection, hear: (state: PeerState) => void): void {
  let failed = false;
  const tell = (state: PeerState) => {
    if (failed) return;
    failed = state === 'failed';
    hear(state);
  };
  peer.addEventListener('connectionstatechange', () => {
    const { connectionState: state } = peer;
    if (state === 'connected' || state === 'disconnected' || state === 'failed') tell(state);
  });
  const transport = peer.getReceivers().find((receiver) => receiver.transport)?.transport;
  transport?.addEventListener('statechange', () => {
    if (transport.state === 'closed' && peer.connectionState !== 'closed') tell('failed');
  });
}

/**
 * Settles when a connection has come about; rejects with what `why` makes when it does not within so many milliseconds.
 * @param gone it is waited for no more: rejects at once.
 */
export function connected(
  peer: RTCPeerConnection,
  ms: number,
  why: () => EdgeRunnerError,
  gone: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (peer.connectionState === 'connected') over(resolve);
      else if (peer.connectionState === 'failed' || gone.aborted) fail();
    };
    const fail = () => over(() => reject(why()));
    const timer = setTimeout(fail, ms);
    gone.addEventListener('abort', fail);
    function over(settle: () => void) {
      clearTimeout(timer);
      gone.removeEventListener('abort', fail);
      peer.removeEventListener('connectionstatechange', look);
      settle();
    }
    peer.addEventListener('connectionstatechange', look);
    look();
  });
}
