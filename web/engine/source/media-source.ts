import {
  type AudioSample,
  AudioSampleSink,
  type EncodedPacket,
  EncodedPacketSink,
  type InputAudioTrack,
  type InputVideoTrack,
  type PacketRetrievalOptions,
} from 'mediabunny';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { SourceBytes } from '../host.ts';
import { ContainerBytes } from './container-bytes.ts';
import { ForwardOnly } from './forward-only.ts';
import { type AudioInfo, HALF_TICK, type Known, type VideoInfo } from './media-info.ts';
import { inShort, type Opened, openTracks, REPAIR } from './open-tracks.ts';
import { PacketReader } from './packet-reader.ts';

export { HALF_TICK };

/** Bit of the first byte of a VP8 frame (RFC 6386, 9.1). */
const VP8_SHOWN = 0x10;
const HALF_MICRO = 0.5e-6;

/** A container opened for reading. Timestamps of its packets start at the earliest shown sample of all tracks. */
export class MediaSource {
  readonly name: string;
  readonly video: VideoInfo;
  readonly audio: AudioInfo | null;
  /** Container seconds at which the source starts; every timestamp below has it taken off. */
  readonly origin: number;
  readonly #videoTrack: InputVideoTrack;
  readonly #audioTrack: InputAudioTrack | null;
  readonly #bytes: SourceBytes;
  readonly #container: ContainerBytes;
  readonly #reader: PacketReader;
  /** Why the demuxer went no further. */
  #damage: string | null = null;

  private constructor(fields: Opened) {
    this.name = fields.name;
    this.video = fields.video;
    this.audio = fields.audio;
    this.origin = fields.origin;
    this.#videoTrack = fields.videoTrack;
    this.#audioTrack = fields.audioTrack;
    this.#bytes = fields.bytes;
    this.#container = fields.container;
    this.#reader = new PacketReader(fields.input, fields.container);
  }

  /**
   * @throws {EdgeRunnerError} `input-not-media`, `input-no-video`, `input-no-frames`, `input-codec` (a codec nobody
   * can name; whether the browser decodes it is the decoder's question).
   * @param known of the whole, for whoever reads a part of it: its packets are not counted then.
   */
  static async open(name: string, bytes: SourceBytes, known: Known | null = null): Promise<MediaSource> {
    const container = await ContainerBytes.open(bytes);
    try {
      return new MediaSource(await openTracks(name, bytes, container, container.source, known));
    } catch (error) {
      // A stream has ended by now, and may have been cut before its first cluster was whole.
      const late = await container.lateSource();
      if (!late) throw error;
      return new MediaSource(await openTracks(name, bytes, container, late, known));
    }
  }

  /** What the transport lost, in words; null while nothing is missing. */
  loss(): Promise<string | null> {
    return this.#bytes.loss();
  }

  /** What the file itself lacks or has damaged, in words; null when nothing. Asked after the last packet. */
  async shortage(): Promise<string | null> {
    if (this.#damage !== null) return this.#damage;
    const cut = await this.#container.loss('quick');
    if (cut !== null || this.#container.movie === null) return cut;
    for (const track of [this.#videoTrack, this.#audioTrack]) {
      if (track && !(await this.#reader.lastIsThere(track)))
        return `the file was cut: it lists ${track.type} beyond its end`;
    }
    return null;
  }

  /**
   * Video packets in decode order, timestamps from the source's start, beginning with the last keyframe at or before
   * `from` seconds.
   */
  videoPackets(from = 0): AsyncGenerator<EncodedPacket> {
    const packets = this.#packets(this.#videoTrack, from);
    return this.#container.hasPackets ? this.#withoutCutTail(packets) : packets;
  }

  /** Audio packets in decode order, beginning with the one that sounds at `from` seconds. */
  audioPackets(from = 0): AsyncGenerator<EncodedPacket> {
    if (!this.#audioTrack) throw new Error('this source has no audio track');
    return this.#packets(this.#audioTrack, from);
  }

  /** Decoded audio between two times of the source; the caller closes each sample. Its times are the source's. */
  async *audioSamples(from: number, to: number): AsyncGenerator<AudioSample> {
    if (!this.#audioTrack) throw new Error('this source has no audio track');
    let reached = from + this.origin;
    try {
      for await (const track of this.#reader.views(this.#audioTrack)) {
        for await (const sample of new AudioSampleSink(track).samples(reached, to + this.origin)) {
          // A view that repeats what came before it begins with the sample that ends here.
          if (reached > from + this.origin && sample.timestamp < reached - HALF_TICK) {
            sample.close();
            continue;
          }
          reached = sample.timestamp + sample.duration;
          sample.setTimestamp(sample.timestamp - this.origin);
          yield sample;
        }
      }
    } catch (error) {
      await this.#excuse(error, reached - this.origin);
    }
  }

  canDecodeAudio(): Promise<boolean> {
    return this.#audioTrack?.canDecode() ?? Promise.resolve(false);
  }

  /** Where the last audio packet ends, in seconds of the source; 0 without audio. */
  async audioEnd(): Promise<number> {
    if (!this.#audioTrack) return 0;
    const last = await new EncodedPacketSink(this.#audioTrack).getPacket(Number.POSITIVE_INFINITY, {
      metadataOnly: true,
    });
    return last ? last.timestamp + last.duration - this.origin + HALF_TICK : 0;
  }

  /**
   * When each frame is shown, microseconds, in decode order, and whether its packet is a keyframe. What an edit list
   * hides, what comes before the first keyframe, and what a codec never shows is left out.
   */
  async *videoIndex(): AsyncGenerator<{ time: number; key: boolean }> {
    // Whether VP8 shows a frame stands in the frame.
    const metadataOnly = this.video.codec !== 'vp8';
    let begun = false;
    for await (const packet of this.#read(this.#videoTrack, null, { metadataOnly })) {
      begun ||= packet.type === 'key';
      const time = Math.round((packet.timestamp - this.origin) * 1e6);
      const shown = metadataOnly || (packet.data[0]! & VP8_SHOWN) !== 0;
      if (begun && shown && time >= 0) yield { time, key: packet.type === 'key' };
    }
  }

  /** Whether decoding can really begin with the frame shown at that time, microseconds: containers say so too readily. */
  async isKeyframe(time: number): Promise<boolean> {
    const packet = await this.#reader.keyPacket(this.#videoTrack, time / 1e6 + this.origin + HALF_MICRO);
    return packet !== null && Math.round((packet.timestamp - this.origin) * 1e6) === time;
  }

  /** How many shown frames stand before `time` seconds: the index in the whole source of the first one after it. */
  async framesBefore(time: number): Promise<number> {
    let frames = 0;
    for await (const shown of this.videoIndex()) if (shown.time < time * 1e6 - 0.5) frames++;
    return frames;
  }

  dispose(): void {
    this.#reader.dispose();
  }

  /**
   * The last picture of a cut transport stream ends where the file does: decoders fail on what is left of it, and then
   * keep the whole ones before it to themselves.
   */
  async *#withoutCutTail(packets: AsyncGenerator<EncodedPacket>): AsyncGenerator<EncodedPacket> {
    let held: EncodedPacket | null = null;
    for await (const packet of packets) {
      if (held) yield held;
      held = packet;
    }
    if (held && !(await this.#container.endsInPacket())) yield held;
  }

  async *#packets(track: InputVideoTrack | InputAudioTrack, from: number): AsyncGenerator<EncodedPacket> {
    let usual = 0;
    for await (const packet of this.#read(track, from <= 0 ? null : from + this.origin, {})) {
      // The last one of a stream has none where only the next would tell, and nobody shows what lasts no time.
      usual = packet.duration || usual;
      // Whole microseconds, WebCodecs' ticks: what rounds twice further on is then rounded once.
      const timestamp = Math.round((packet.timestamp - this.origin) * 1e6) / 1e6;
      yield packet.clone({ timestamp, duration: usual });
    }
  }

  /** @param start seconds of the container; null for the very first packet. */
  async *#read(
    track: InputVideoTrack | InputAudioTrack,
    start: number | null,
    options: PacketRetrievalOptions,
  ): AsyncGenerator<EncodedPacket> {
    let end: number | null = null;
    const forward = this.#forward();
    try {
      for await (const packet of this.#reader.packets(track, start, options)) {
        if (!forward.takes(packet)) continue;
        end = packet.timestamp + packet.duration - this.origin;
        yield packet;
      }
    } catch (error) {
      await this.#excuse(error, end);
    }
  }

  #forward(): ForwardOnly {
    return new ForwardOnly((latest) => {
      const seconds = (latest - this.origin).toFixed(1);
      this.#damage ??= `the file is damaged: its times go back after ${seconds} s, and what comes then is left out until they have caught up`;
    });
  }

  /**
   * Bytes that cannot be had, or that the demuxer makes nothing of, end the source as the end of a truncated file does.
   * @param end seconds up to which all was well; null when nothing was, which is thrown on.
   */
  async #excuse(error: unknown, end: number | null): Promise<void> {
    if ((await this.loss()) ?? (await this.#container.loss('thorough'))) return;
    if (error instanceof EdgeRunnerError || !(error instanceof Error)) throw error;
    const why = inShort(error).toLowerCase();
    if (end === null)
      throw new EdgeRunnerError(
        'input-decode',
        `${this.name} is damaged: nothing of its picture or sound could be read (${why}).`,
        REPAIR,
        { cause: error },
      );
    this.#damage ??= `the file is damaged: nothing after ${end.toFixed(1)} s could be read (${why})`;
  }
}
