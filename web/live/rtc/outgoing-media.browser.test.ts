import { expect, it } from 'vitest';
import { OutgoingMedia } from './outgoing-media.ts';

const picture = () => document.createElement('canvas').captureStream();

it('answers with what the stream is by then, however often it has changed meanwhile', async () => {
  const [first, second] = [picture(), picture()];
  const [viewer, peer] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const media = new OutgoingMedia(first, {});
  try {
    for (const kind of ['video', 'audio']) viewer.addTransceiver(kind, { direction: 'recvonly' });
    await viewer.setLocalDescription();
    await peer.setRemoteDescription(viewer.localDescription!);
    const answered = media.answer(peer, 'sendonly');
    media.setStream(second);
    await answered;
    const sent = () => peer.getSenders().map(({ track }) => track?.id ?? null);
    expect(sent()).toEqual([second.getVideoTracks()[0]!.id, null]);
    // There and back before the browser has done the first of both.
    media.setStream(first);
    media.setStream(second);
    await expect.poll(sent).toEqual([second.getVideoTracks()[0]!.id, null]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sent()).toEqual([second.getVideoTracks()[0]!.id, null]);
  } finally {
    media.close();
    for (const one of [viewer, peer]) one.close();
  }
});
