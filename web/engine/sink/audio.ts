import { AudioSampleSource, type AudioSource, EncodedAudioPacketSource } from 'mediabunny';
import type { Container } from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import type { Signal } from '../pipeline/signal.ts';
import type { AudioInfo } from '../source/media-info.ts';
import { HALF_TICK, type MediaSource } from '../source/media-source.ts';
import { holdsAudio } from './media-output.ts';

/** How far audio may run ahead of the video, in seconds: the muxer holds what has no counterpart yet. */
const LEAD = 1;
/** Opus frames are 20 ms; a few more for the encoder's padding. */
const OPUS_FRAMES_PER_SECOND = 50;
const OPUS_BITRATE = 128_000;

export interface AudioPump {
  source: AudioSource;
  packets: number | null;
  languageCode: string;
  /** Copies or transcodes the audio of the range, keeping pace with the video. */
  run(): Promise<void>;
}

export interface AudioRange {
  start: number;
  end: number;
  /** Seconds of video written, and a signal when it grows; `Infinity` once the video has ended. */
  videoTime(): number;
  advanced: Signal;
  aborted: AbortSignal;
  /** Hears how far it is, seconds of the output. */
  onAudio?(seconds: number): void;
}

/** Sound whose packets can be read. */
export type Sound = Pick<MediaSource, 'audioPackets'> & { readonly audio: AudioInfo };

/**
 * What happens to a source's audio in a container: copied where the container can hold it, else transcoded to Opus;
 * left out, with a word to the log, where the browser cannot decode it.
 */
export async function planAudio(
  host: EngineHost,
  media: MediaSource,
  container: Container,
  range: AudioRange,
): Promise<AudioPump | null> {
  const { audio } = media;
  if (!audio) return null;
  if (holdsAudio(container, audio.codec))
    return copyAudio({ audio, audioPackets: (from) => media.audioPackets(from) }, range);
  if (!(await media.canDecodeAudio())) {
    host.log(
      `the audio (${audio.codec}) is left out: this browser cannot decode it and ${container} cannot hold it`,
    );
    return null;
  }
  host.log(`the audio is transcoded from ${audio.codec} to opus: ${container} cannot hold ${audio.codec}`);
  const source = new AudioSampleSource({ codec: 'opus', bitrate: OPUS_BITRATE });
  const seconds = Math.min(range.end, media.video.duration ?? Number.POSITIVE_INFINITY) - range.start;
  const packets = Number.isFinite(seconds) ? Math.ceil(seconds * OPUS_FRAMES_PER_SECOND * 1.05) + 200 : null;
  return { source, languageCode: audio.languageCode, packets, run: () => transcode(media, source, range) };
}

/** Sound as it is, bit for bit. */
export function copyAudio(sound: Sound, range: AudioRange): AudioPump {
  const { codec, config, languageCode, packets } = sound.audio;
  const source = new EncodedAudioPacketSource(codec);
  return { source, languageCode, packets, run: () => copy(sound, source, config, range) };
}

async function copy(
  sound: Sound,
  source: EncodedAudioPacketSource,
  decoderConfig: AudioDecoderConfig,
  range: AudioRange,
): Promise<void> {
  let first = true;
  for await (const packet of sound.audioPackets(range.start)) {
    if (packet.timestamp >= range.end - HALF_TICK) break;
    // A packet cannot be cut: the one that sounds at the start is kept only when it begins there.
    if (packet.timestamp < range.start - HALF_TICK && range.start > 0) continue;
    await turn(packet.timestamp - range.start, range);
    const moved = range.start === 0 ? packet : packet.clone({ timestamp: packet.timestamp - range.start });
    await source.add(moved, first ? { decoderConfig } : undefined);
    first = false;
  }
  source.close();
}

async function transcode(media: MediaSource, source: AudioSampleSource, range: AudioRange): Promise<void> {
  for await (const sample of media.audioSamples(range.start, range.end)) {
    try {
      await turn(sample.timestamp - range.start, range);
      sample.setTimestamp(Math.max(0, sample.timestamp - range.start));
      await source.add(sample);
    } finally {
      sample.close();
    }
  }
  source.close();
}

/** Waits until the video has come near `time`. */
async function turn(time: number, { videoTime, advanced, aborted, onAudio }: AudioRange): Promise<void> {
  onAudio?.(time);
  await advanced.until(() => aborted.aborted || time < videoTime() + LEAD);
  aborted.throwIfAborted();
}
