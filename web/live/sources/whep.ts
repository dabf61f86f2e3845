import { connectTo, type Endpoint, type EndpointConnection } from '../rtc/endpoint-connection.ts';
import { HeldConnection } from '../rtc/held-connection.ts';
import { checkedAddress } from './addresses.ts';
import type { OpenSource, SourceEvents } from './source.ts';

export type WhepOptions = Endpoint;

/**
 * A live stream over WebRTC. A connection that breaks is made anew until it holds.
 * @throws {EdgeRunnerError} as `exchangeSdp`; `connection-lost` when no picture comes; `browser-lacks`
 */
export async function openWhep(options: WhepOptions, events: SourceEvents): Promise<OpenSource> {
  const url = checkedAddress(options.url);
  let stream = new MediaStream();
  const held = await HeldConnection.open({
    host: new URL(url).host,
    connect: async (hear, gone): Promise<EndpointConnection> => {
      const next = new MediaStream();
      const offer = (peer: RTCPeerConnection) => {
        peer.addTransceiver('video', { direction: 'recvonly' });
        peer.addTransceiver('audio', { direction: 'recvonly' });
        peer.addEventListener('track', ({ track }) => next.addTrack(track));
      };
      const connection = await connectTo({ ...options, url }, { offer }, hear, gone);
      stream = next;
      return connection;
    },
    onAgain: () => events.onStream(stream),
    onTrouble: (trouble) => events.onTrouble(trouble),
  });
  return {
    name: url,
    player: null,
    get stream() {
      return stream;
    },
    close: () => void held.close(),
  };
}
