import { EdgeRunnerError, type PublisherSignal } from '../../../protocol/index.ts';
import { connected, described, newPeer, watchPeer } from './peer.ts';
import type { Heard } from './publisher-link.ts';
import { withBetterStart } from './start-bitrate.ts';

/** What a page does with those who offer. */
export interface Answering {
  iceServers(): readonly RTCIceServer[];
  /** Why it does not take somebody; null when it does. */
  refuses(viewer: string): string | null;
  /** An offer is set: what is sent and what is taken is put into it. */
  offered(peer: RTCPeerConnection): Promise<void>;
  /** The answer is set. Said before it goes out, so that nothing is missed. */
  answered(viewer: string, peer: RTCPeerConnection): Promise<void> | void;
  /** Media flows. */
  connected(viewer: string): void;
  /** Whoever was answered is gone, for whatever reason; its connection is closed. */
  gone(viewer: string): void;
  say(signal: PublisherSignal): void;
}

/** Milliseconds within which a connection has to come about after its answer. */
const PATIENCE = 30_000;
/** Characters that a reason may have. */
const MOST_REASON = 500;

/** The connections of a stream that is published: one for each viewer, the same as the server lists. */
export class AnsweredPeers {
  readonly #answering: Answering;
  readonly #peers = new Map<string, { peer: RTCPeerConnection; gone: AbortController }>();
  /** As the server listed them when the page was connected last. */
  #listed: readonly string[] = [];

  constructor(answering: Answering) {
    this.#answering = answering;
  }

  get viewers(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** Whether its media flows, as far as anybody knows. */
  isConnected(viewer: string): boolean {
    return this.#peers.get(viewer)?.peer.connectionState === 'connected';
  }

  hear(message: Exclude<Heard, { type: 'banner' }>): void {
    if (message.type === 'published') {
      this.#listed = message.viewers;
      for (const viewer of this.viewers) if (!message.viewers.includes(viewer)) this.#drop(viewer);
    } else if (message.type === 'settled') {
      // Those who wait for an answer have made their offer by now: the others are of a page that was here before.
      for (const viewer of this.#listed)
        if (!this.#peers.has(viewer)) this.#answering.say({ type: 'signal', kind: 'bye', viewer });
      this.#listed = [];
    } else if (message.kind === 'offer') {
      void this.#answer(message.viewer, message.sdp);
    } else {
      this.#listed = this.#listed.filter((viewer) => viewer !== message.viewer);
      this.#drop(message.viewer);
    }
  }

  /** Sends somebody away. */
  dismiss(viewer: string): void {
    if (!this.#peers.has(viewer)) return;
    this.#drop(viewer);
    this.#answering.say({ type: 'signal', kind: 'bye', viewer });
  }

  /** Sends all away. */
  close(): void {
    for (const viewer of this.viewers) this.dismiss(viewer);
  }

  async #answer(viewer: string, sdp: string): Promise<void> {
    // Asked once more: the answer before was lost with the connection to the server.
    this.#drop(viewer);
    const { refuses, iceServers, offered, answered, say } = this.#answering;
    const reason = refuses(viewer);
    if (reason !== null) {
      this.#refuse(viewer, reason);
      return;
    }
    const peer = newPeer(iceServers());
    const gone = new AbortController();
    this.#peers.set(viewer, { peer, gone });
    try {
      await peer.setRemoteDescription({ type: 'offer', sdp: withBetterStart(sdp) });
      await offered(peer);
      const answer = await described(peer, await peer.createAnswer(), gone.signal);
      if (gone.signal.aborted) return;
      if (!peer.getTransceivers().some(carries)) throw nothingInCommon();
      await answered(viewer, peer);
      if (gone.signal.aborted) return;
      say({ type: 'signal', kind: 'answer', viewer, sdp: answer });
    } catch (error) {
      // Closed in the midst of it: there is nobody to refuse.
      if (gone.signal.aborted) return;
      this.#drop(viewer);
      this.#refuse(viewer, error instanceof Error ? error.message : `${error}`);
      return;
    }
    await this.#keep(viewer, peer, gone.signal);
  }

  async #keep(viewer: string, peer: RTCPeerConnection, gone: AbortSignal): Promise<void> {
    try {
      await connected(peer, PATIENCE, neverCame, gone);
    } catch {
      if (!gone.aborted) this.dismiss(viewer);
      return;
    }
    if (gone.aborted) return;
    watchPeer(peer, (state) => {
      if (state === 'failed' && !gone.aborted) this.dismiss(viewer);
    });
    this.#answering.connected(viewer);
  }

  #refuse(viewer: string, reason: string): void {
    this.#answering.say({ type: 'signal', kind: 'refuse', viewer, message: reason.slice(0, MOST_REASON) });
  }

  #drop(viewer: string): void {
    const entry = this.#peers.get(viewer);
    if (!entry) return;
    this.#peers.delete(viewer);
    entry.gone.abort();
    entry.peer.close();
    this.#answering.gone(viewer);
  }
}

const carries = ({ currentDirection }: RTCRtpTransceiver) =>
  currentDirection !== null && !/^(inactive|stopped)$/.test(currentDirection);

const nothingInCommon = () =>
  new EdgeRunnerError(
    'viewer-refused',
    'The offer asks for nothing that this page has: it takes no calls, or knows none of the codecs.',
    'Offer to receive, with VP8 or H.264 and Opus.',
  );

const neverCame = () =>
  new EdgeRunnerError('connection-lost', 'No connection came about.', 'Configure a TURN server.');
