import {
  ALL_FORMATS,
  type EncodedPacket,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  type PacketRetrievalOptions,
} from 'mediabunny';
import type { ContainerBytes } from './container-bytes.ts';

type Track = InputVideoTrack | InputAudioTrack;

/** Reads all packets of a track, also those that the demuxer does not come to by itself. Times are the container's. */
export class PacketReader {
  readonly #input: Input;
  readonly #container: ContainerBytes;
  /** Views of the same bytes in which the demuxer finds the rest. */
  #fragments: Promise<Input> | null = null;
  #late: Promise<Input | null> | null = null;

  constructor(input: Input, container: ContainerBytes) {
    this.#input = input;
    this.#container = container;
  }

  /** In decode order, beginning with the last keyframe at or before `from`; null for the very first packet. */
  async *packets(
    track: Track,
    from: number | null,
    options: PacketRetrievalOptions = {},
  ): AsyncGenerator<EncodedPacket> {
    let start: number | null = null;
    for await (const packet of this.#allPackets(track, from, options)) {
      start ??= packet.timestamp;
      // Shown before the keyframe that comes before them: of an open GOP, they stand on frames that nobody has.
      if (from === null || packet.timestamp >= start) yield packet;
    }
  }

  async *#allPackets(
    track: Track,
    from: number | null,
    options: PacketRetrievalOptions,
  ): AsyncGenerator<EncodedPacket> {
    const fragments = await this.#fragmentsOf(track);
    const laterStart = fragments && (await keyPacket(fragments, from));
    if (fragments && laterStart) {
      yield* walk(new EncodedPacketSink(fragments), laterStart, options);
      return;
    }
    let last: EncodedPacket | null = null;
    for await (const packet of walk(new EncodedPacketSink(track), await keyPacket(track, from), options)) {
      yield packet;
      last = packet;
    }
    if (fragments) yield* walk(new EncodedPacketSink(fragments), null, options);
    else yield* this.#latePackets(track, last, options);
  }

  /** The last real keyframe at or before `from`, wherever it lies. */
  async keyPacket(track: Track, from: number): Promise<EncodedPacket | null> {
    const fragments = await this.#fragmentsOf(track);
    return (fragments && (await keyPacket(fragments, from))) ?? keyPacket(track, from);
  }

  /**
   * The track and, after it, those views of it that hold what its demuxer does not come to: for readers that decode
   * samples and so cannot be given packets. A view may repeat what came before it.
   */
  async *views<T extends Track>(track: T): AsyncGenerator<T> {
    yield track;
    const rest = (await this.#fragmentsOf(track)) ?? (await this.#lateViewOf(track));
    if (rest) yield rest;
  }

  /** Whether the last sample that the index lists, or the last fragment, is there. */
  async lastIsThere(track: Track): Promise<boolean> {
    const sink = new EncodedPacketSink((await this.#fragmentsOf(track)) ?? track);
    const listed = await sink.getPacket(Number.POSITIVE_INFINITY, { metadataOnly: true });
    return listed === null || (await sink.getPacket(Number.POSITIVE_INFINITY)) !== null;
  }

  dispose(): void {
    this.#input.dispose();
    for (const other of [this.#fragments, this.#late]) {
      other?.then(
        (input) => input?.dispose(),
        () => {},
      );
    }
  }

  /** Where a stream turns out to have been cut: the whole blocks of its last cluster. */
  async *#latePackets(
    track: Track,
    last: EncodedPacket | null,
    options: PacketRetrievalOptions,
  ): AsyncGenerator<EncodedPacket> {
    const same = await this.#lateViewOf(track);
    if (!same) return;
    const sink = new EncodedPacketSink(same);
    const start = last && (await sink.getPacket(last.timestamp));
    for await (const packet of walk(sink, start, options)) {
      if (packet.sequenceNumber !== last?.sequenceNumber) yield packet;
    }
  }

  async #lateViewOf<T extends Track>(track: T): Promise<T | null> {
    this.#late ??= this.#container
      .lateSource()
      .then((source) => source && new Input({ formats: ALL_FORMATS, source }));
    const input = await this.#late;
    return input && trackOf(input, track);
  }

  async #fragmentsOf<T extends Track>(track: T): Promise<T | null> {
    if (!this.#container.goesOn(track.id)) return null;
    // The index comes from the input that has it; what is read here are the fragments alone.
    this.#fragments ??= this.#container
      .fragments()
      .then((source) => new Input({ formats: ALL_FORMATS, source, initInput: this.#input }));
    return trackOf(await this.#fragments, track);
  }
}

/**
 * Packets from `start` on, or from the first; throws where the demuxer does, but gives what is before that. One by
 * one: the demuxer's own iteration reads packets ahead, and loses those with the error that it meets.
 */
async function* walk(
  sink: EncodedPacketSink,
  start: EncodedPacket | null,
  options: PacketRetrievalOptions,
): AsyncGenerator<EncodedPacket> {
  let next = start ?? (await sink.getFirstPacket(options));
  while (next) {
    yield next;
    next = await sink.getNextPacket(next, options);
  }
}

async function keyPacket(track: Track, from: number | null): Promise<EncodedPacket | null> {
  if (from === null) return null;
  return new EncodedPacketSink(track).getKeyPacket(from, { verifyKeyPackets: track.isVideoTrack() });
}

/** The track of the same id, which is of the same type: both inputs are views of one file. */
async function trackOf<T extends Track>(input: Input, { id }: T): Promise<T | null> {
  const tracks: Track[] = [...(await input.getVideoTracks()), ...(await input.getAudioTracks())];
  return (tracks.find((track) => track.id === id) as T | undefined) ?? null;
}
