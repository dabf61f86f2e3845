import {
  type AudioCodec,
  EncodedPacketSink,
  type InputAudioTrack,
  type InputVideoTrack,
  type VideoCodec,
} from 'mediabunny';
import type { Orientation, View } from '../../../kernels/index.ts';
import type { Movie } from './isobmff.ts';

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

/** Timestamps closer than this are the same instant: half a microsecond, WebCodecs' tick. */
export const HALF_TICK = 0.5e-6;

/** What was found out of a source before. */
export interface Known {
  fps: number | null;
}

/** @param known what need not be found out, by going through all packets. */
export async function readVideoInfo(
  format: string,
  track: InputVideoTrack,
  codec: VideoCodec,
  config: VideoDecoderConfig,
  origin: number,
  movie: Movie | null,
  known: Known | null,
): Promise<VideoInfo> {
  const orientation: Orientation = { rotation: await track.getRotation(), flip: await track.getFlip() };
  const fragmented = movie?.fragmented ?? false;
  // With samples in the index and fragments behind it, what the index calls the duration is that of the former.
  const duration = fragmented && movie?.indexed.has(track.id) ? null : await track.getDurationFromMetadata();
  const listed = (format === 'MP4' || format === 'QuickTime File Format') && !fragmented && duration !== null;
  const counted = listed && !known ? await count(track, origin) : null;
  // Enough packets for a mean that a reader of the event can use, few enough to cost nothing on a slow source. A
  // source cut before the last of them gives none; its packets are read all the same.
  const rate = counted || known ? null : await track.computePacketStats(60).catch(() => null);
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
    fps: known ? known.fps : counted && seconds ? counted.shown / seconds : (rate?.averagePacketRate ?? null),
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
  const name = width >= 1280 || height > 576 ? 'bt709' : 'smpte170m';
  const fullRange = config.colorSpace?.fullRange ?? false;
  // All three alike: encoders that write one colour space into the stream (VP9) go by the primaries.
  return { ...config, colorSpace: { primaries: name, transfer: name, matrix: name, fullRange } };
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
export async function readAudioInfo(track: InputAudioTrack, listed: boolean): Promise<AudioInfo | null> {
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
