import {
  ALL_FORMATS,
  type AudioCodec,
  type EncodedPacket,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  UnsupportedInputFormatError,
  type VideoCodec,
} from 'mediabunny';
import type { Orientation, View } from '../../../kernels/index.ts';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { SourceBytes } from '../host.ts';

/** What the container says of its video track. Sizes in pixels, times in seconds from the source's start. */
export interface VideoInfo {
  format: string;
  codec: VideoCodec;
  config: VideoDecoderConfig;
  /** Whether the file says its colour matrix; a guess must not be written into the output as a fact. */
  colorTagged: boolean;
  /** Stored size, before pixel aspect and rotation. */
  width: number;
  height: number;
  view: View;
  pixelAspect: { num: number; den: number };
  /** Mean, null where the source does not say. */
  fps: number | null;
  /** Packets the container lists, null where only reading tells. */
  packets: number | null;
  /** Frames that are shown: those whose time is not before the start. */
  frames: number | null;
  duration: number | null;
  bitrate: number | null;
}

export interface AudioInfo {
  codec: AudioCodec;
  config: AudioDecoderConfig;
  channels: number;
  sampleRate: number;
  packets: number | null;
  languageCode: string;
}

/** A container opened for reading. Timestamps of its packets start at the earliest shown sample of all tracks. */
export class MediaSource {
  readonly name: string;
  readonly video: VideoInfo;
  readonly audio: AudioInfo | null;
  /** Container seconds at which the source starts; every timestamp below has it taken off. */
  readonly origin: number;
  readonly #input: Input;
  readonly #videoTrack: InputVideoTrack;
  readonly #audioTrack: InputAudioTrack | null;
  readonly #bytes: SourceBytes;

  private constructor(fields: {
    name: string;
    video: VideoInfo;
    audio: AudioInfo | null;
    origin: number;
    input: Input;
    videoTrack: InputVideoTrack;
    audioTrack: InputAudioTrack | null;
    bytes: SourceBytes;
  }) {
    this.name = fields.name;
    this.video = fields.video;
    this.audio = fields.audio;
    this.origin = fields.origin;
    this.#input = fields.input;
    this.#videoTrack = fields.videoTrack;
    this.#audioTrack = fields.audioTrack;
    this.#bytes = fields.bytes;
  }

  /**
   * @throws {EdgeRunnerError} `input-not-media`, `input-no-video`, `input-no-frames`, `input-codec` (a codec nobody
   * can name; whether the browser decodes it is the decoder's question).
   */
  static async open(name: string, bytes: SourceBytes): Promise<MediaSource> {
    const input = new Input({ formats: ALL_FORMATS, source: bytes.source });
    try {
      return await openTracks(name, bytes, input, (fields) => new MediaSource(fields));
    } catch (error) {
      input.dispose();
      throw error;
    }
  }

  /** What the transport lost, in words; null while nothing is missing. */
  loss(): Promise<string | null> {
    return this.#bytes.loss();
  }

  /**
   * Video packets in decode order, timestamps from the source's start, beginning with the last keyframe at or before
   * `from` seconds.
   */
  videoPackets(from = 0): AsyncGenerator<EncodedPacket> {
    return this.#packets(this.#videoTrack, from);
  }

  /** Audio packets in decode order, beginning with the one that sounds at `from` seconds. */
  audioPackets(from = 0): AsyncGenerator<EncodedPacket> {
    if (!this.#audioTrack) throw new Error('this source has no audio track');
    return this.#packets(this.#audioTrack, from);
  }

  get audioTrack(): InputAudioTrack {
    if (!this.#audioTrack) throw new Error('this source has no audio track');
    return this.#audioTrack;
  }

  /** How many shown frames stand before `time` seconds: the index in the whole source of the first one after it. */
  async framesBefore(time: number): Promise<number> {
    let frames = 0;
    for await (const packet of new EncodedPacketSink(this.#videoTrack).packets(undefined, undefined, {
      metadataOnly: true,
    })) {
      const at = packet.timestamp - this.origin;
      if (at >= -HALF_TICK && at < time - HALF_TICK) frames++;
    }
    return frames;
  }

  dispose(): void {
    this.#input.dispose();
  }

  async *#packets(track: InputVideoTrack | InputAudioTrack, from: number): AsyncGenerator<EncodedPacket> {
    const sink = new EncodedPacketSink(track);
    const start =
      from <= 0
        ? undefined
        : ((await sink.getKeyPacket(from + this.origin, { verifyKeyPackets: track.isVideoTrack() })) ??
          undefined);
    try {
      for await (const packet of sink.packets(start)) {
        // Whole microseconds, WebCodecs' ticks: what rounds twice further on is then rounded once.
        yield packet.clone({ timestamp: Math.round((packet.timestamp - this.origin) * 1e6) / 1e6 });
      }
    } catch (error) {
      // Bytes that cannot be had end the source as the end of a truncated file does; `loss` has the reason.
      if ((await this.loss()) === null) throw error;
    }
  }
}

/** Timestamps closer than this are the same instant: half a microsecond, WebCodecs' tick. */
export const HALF_TICK = 0.5e-6;

async function openTracks<T>(
  name: string,
  bytes: SourceBytes,
  input: Input,
  make: (fields: {
    name: string;
    video: VideoInfo;
    audio: AudioInfo | null;
    origin: number;
    input: Input;
    videoTrack: InputVideoTrack;
    audioTrack: InputAudioTrack | null;
    bytes: SourceBytes;
  }) => T,
): Promise<T> {
  const format = await input.getFormat().catch(async (error: unknown) => {
    const lost = await bytes.loss();
    if (lost)
      throw new EdgeRunnerError(
        'url-unreachable',
        `${name} could not be read: ${lost}.`,
        'Check the address and the network, then run again.',
      );
    if (!(error instanceof UnsupportedInputFormatError)) throw error;
    throw new EdgeRunnerError(
      'input-not-media',
      `${name} is not a media file that edge-runner can read.`,
      'Give an MP4, MOV, MKV, WebM or MPEG-TS file; "edge-runner inspect FILE" shows what a file holds.',
    );
  });
  const [videoTrack, audioTrack] = await readTracks(name, input);
  if (!videoTrack && !audioTrack) throw indexUnreadable(name, 'it lists no track');
  if (!videoTrack) {
    throw new EdgeRunnerError(
      'input-no-video',
      `${name} has no video track.`,
      'Give a file with video; edge-runner works on pictures.',
    );
  }
  const codec = await videoTrack.getCodec();
  const config = await videoTrack.getDecoderConfig();
  if (!codec || !config) {
    throw new EdgeRunnerError(
      'input-codec',
      `The video codec of ${name} is not known${codec ? ` well enough to decode (${codec})` : ''}, or the track is empty.`,
      'Convert it to H.264, VP8, VP9 or AV1 first.',
    );
  }
  const first = await new EncodedPacketSink(videoTrack).getFirstPacket();
  if (!first) throw noFrames(name);
  const origin = await startOf(videoTrack, audioTrack);
  const video = await readVideoInfo(format.name, videoTrack, codec, config, origin);
  const audio = audioTrack ? await readAudioInfo(audioTrack, video.packets !== null) : null;
  return make({ name, input, videoTrack, audioTrack, origin, bytes, video, audio });
}

export const noFrames = (name: string) =>
  new EdgeRunnerError(
    'input-no-frames',
    `${name} has a video track without a single whole frame.`,
    'Give a file that holds at least one frame.',
  );

async function readTracks(
  name: string,
  input: Input,
): Promise<[InputVideoTrack | null, InputAudioTrack | null]> {
  try {
    return [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
  } catch (error) {
    throw indexUnreadable(name, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

const indexUnreadable = (name: string, why: string, options?: ErrorOptions) =>
  new EdgeRunnerError(
    'input-not-media',
    `${name} looks like media, but its index cannot be read: ${why}.`,
    'The file is damaged or was cut before its index was written; make it again or repair it first.',
    options,
  );

/**
 * MPEG-TS starts anywhere, camera files too: times are counted from the earliest sample, as players do. What lies
 * before 0 was put there by an edit list to be decoded and not shown, and stays before 0.
 */
async function startOf(video: InputVideoTrack, audio: InputAudioTrack | null): Promise<number> {
  const starts = [await video.getFirstTimestamp(), ...(audio ? [await audio.getFirstTimestamp()] : [])];
  return Math.max(0, Math.min(...starts));
}

async function readVideoInfo(
  format: string,
  track: InputVideoTrack,
  codec: VideoCodec,
  config: VideoDecoderConfig,
  origin: number,
): Promise<VideoInfo> {
  const orientation: Orientation = { rotation: await track.getRotation(), flip: await track.getFlip() };
  const duration = await track.getDurationFromMetadata();
  const counted =
    (format === 'MP4' || format === 'QuickTime File Format') && duration !== null
      ? await count(track, origin)
      : null;
  // Enough packets for a mean that a reader of the event can use, few enough to cost nothing on a slow source.
  const rate = counted ? null : await track.computePacketStats(60);
  const seconds = duration === null ? null : duration - origin;
  return {
    format,
    codec,
    config: withColorSpace(config, codec, await track.getCodedWidth(), await track.getCodedHeight()),
    colorTagged: typeof config.colorSpace?.matrix === 'string',
    width: await track.getCodedWidth(),
    height: await track.getCodedHeight(),
    view: {
      displayWidth: await track.getDisplayWidth(),
      displayHeight: await track.getDisplayHeight(),
      orientation,
    },
    pixelAspect: await track.getPixelAspectRatio(),
    fps: counted && seconds ? counted.shown / seconds : (rate?.averagePacketRate ?? null),
    packets: counted?.all ?? null,
    frames: counted?.shown ?? null,
    duration: seconds,
    bitrate: await track.getAverageBitrate(),
  };
}

/**
 * What a file that does not say its colours is taken for: BT.709 for high definition, BT.601 below, as players do, so
 * that every backend sees the same. VP9 and AV1 say it in their own headers, which the decoder reads.
 */
function withColorSpace(
  config: VideoDecoderConfig,
  codec: VideoCodec,
  width: number,
  height: number,
): VideoDecoderConfig {
  if (config.colorSpace?.matrix || codec === 'vp9' || codec === 'av1') return config;
  const matrix = width >= 1280 || height > 576 ? 'bt709' : 'smpte170m';
  const fullRange = config.colorSpace?.fullRange ?? false;
  // Only the matrix is guessed: other primaries would make the GPU's import convert them, which nobody asked for.
  return { ...config, colorSpace: { primaries: 'bt709', transfer: 'bt709', matrix, fullRange } };
}

/** The sample table of an MP4 lists every packet; reading it costs nothing beside reading the packets. */
async function count(track: InputVideoTrack, origin: number): Promise<{ all: number; shown: number }> {
  let all = 0;
  let shown = 0;
  for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, {
    metadataOnly: true,
  })) {
    all++;
    if (packet.timestamp - origin >= -HALF_TICK) shown++;
  }
  return { all, shown };
}

/** Audio that nobody can name is left out rather than failing the video: the caller says so. */
async function readAudioInfo(track: InputAudioTrack, listed: boolean): Promise<AudioInfo | null> {
  const codec = await track.getCodec();
  const config = await track.getDecoderConfig();
  if (!codec || !config) return null;
  return {
    codec,
    config,
    channels: await track.getNumberOfChannels(),
    sampleRate: await track.getSampleRate(),
    packets: listed
      ? (await track.computePacketStats(Number.POSITIVE_INFINITY, { metadataOnly: true })).packetCount
      : null,
    languageCode: await track.getLanguageCode(),
  };
}
