import { EdgeRunnerError } from '../../../protocol/index.ts';
import { missingFor } from '../missing.ts';

/** Milliseconds that candidates are gathered for, at most: a STUN server that does not answer holds nobody up. */
const GATHERING = 2_000;

/** @throws {EdgeRunnerError} `browser-lacks` */
export function newPeer(iceServers: readonly RTCIceServer[]): RTCPeerConnection {
  const missing = missingFor('connection');
  if (missing) throw EdgeRunnerError.fromRecord(missing);
  return new RTCPeerConnection({ iceServers: [...iceServers], bundlePolicy: 'max-bundle' });
}

/** Sets a description, and waits for its candidates: all go over in one message. @returns the SDP with them. */
export async function described(
  peer: RTCPeerConnection,
  description: RTCLocalSessionDescriptionInit,
): Promise<string> {
  await peer.setLocalDescription(description);
  await new Promise<void>((resolve) => {
    const done = () => {
      if (peer.iceGatheringState === 'complete') resolve();
    };
    peer.addEventListener('icegatheringstatechange', done);
    setTimeout(resolve, GATHERING);
    done();
  });
  return peer.localDescription!.sdp;
}

/**
 * Tells how a connection goes. A network that is gone for a moment comes back by itself (`disconnected`); after `failed`
 * it does not.
 */
export function watchPeer(
  peer: RTCPeerConnection,
  hear: (state: 'connected' | 'disconnected' | 'failed') => void,
): void {
  peer.addEventListener('connectionstatechange', () => {
    const { connectionState: state } = peer;
    if (state === 'connected' || state === 'disconnected' || state === 'failed') hear(state);
  });
}
