import {
  type AudioCodec,
  type AudioSource,
  CmafOutputFormat,
  EncodedPacket,
  EncodedVideoPacketSource,
  HlsOutputFormat,
  MkvOutputFormat,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  PathedTarget,
  StreamTarget,
  type VideoCodec,
  WebMOutputFormat,
} from 'mediabunny';
import type { Codec, Container, VideoOutputSpec } from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import { KEYFRAME_DISTANCE } from './encode.ts';

export const toMediabunnyCodec = (codec: Codec): VideoCodec => (codec === 'h264' ? 'avc' : codec);

export interface VideoTrackSpec {
  codec: VideoCodec;
  rotation: 0 | 90 | 180 | 270;
  flip: boolean;
  /** Shape of a pixel, 1:1 in most files. */
  pixelAspect: { num: number; den: number };
  /** What the container shall say of the colours; null when nobody knows. */
  colorSpace: VideoColorSpaceInit | null;
  /** Most packets that will come, null where nobody knows. */
  packets: number | null;
  /** Whether it goes into MP4 fragments, whatever the container: to be joined with others. */
  fragments: boolean;
}

export interface AudioTrackSpec {
  source: AudioSource;
  packets: number | null;
  languageCode: string;
}

/** Ticks a second of video tracks in MP4: WebCodecs' microseconds come through exactly. */
const VIDEO_TICKS = 1e6;

/** The output file of a video output, whatever its container. */
export class MediaOutput {
  readonly #output: Output;
  readonly #video: EncodedVideoPacketSource;
  readonly #track: VideoTrackSpec;
  /**
   * True when the index of an MP4 had to go to the end because nobody knew the number of packets beforehand; the host
   * moves it to the front.
   */
  readonly indexAtEnd: boolean;
  #started = false;

  constructor(host: EngineHost, spec: VideoOutputSpec, video: VideoTrackSpec, audio: AudioTrackSpec | null) {
    const reserve = video.packets !== null && (!audio || audio.packets !== null);
    this.indexAtEnd = spec.container === 'mp4' && !video.fragments && !reserve;
    this.#track = video;
    this.#output = new Output({
      format: video.fragments
        ? new Mp4OutputFormat({ fastStart: 'fragmented' })
        : outputFormat(spec, reserve),
      target:
        spec.container === 'hls' && !video.fragments
          ? new PathedTarget(
              spec.name,
              async ({ path }) => new StreamTarget(await host.createFile(spec.id, path)),
            )
          : new StreamTarget(lazyStream(() => host.createFile(spec.id, spec.name))),
    });
    this.#video = new EncodedVideoPacketSource(video.codec);
    this.#output.addVideoTrack(this.#video, {
      rotation: video.rotation,
      flip: video.flip,
      // Ticks are milliseconds in Matroska, and HLS playlists would print these as the frame rate.
      ...((spec.container === 'mp4' || video.fragments) && { frameRate: VIDEO_TICKS }),
      ...(video.packets !== null && { maximumPacketCount: video.packets }),
    });
    if (audio) {
      this.#output.addAudioTrack(audio.source, {
        languageCode: audio.languageCode,
        ...(audio.packets !== null && { maximumPacketCount: audio.packets }),
      });
    }
  }

  async start(): Promise<void> {
    this.#started = true;
    await this.#output.start();
  }

  /** Adds an encoded video packet, in decode order; `config` goes with the first one. */
  async addVideo(packet: EncodedPacket, config: VideoDecoderConfig | undefined): Promise<void> {
    await this.#video.add(packet, config && { decoderConfig: this.#described(config) });
  }

  async addChunk(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined): Promise<void> {
    await this.addVideo(EncodedPacket.fromEncodedChunk(chunk), metadata?.decoderConfig);
  }

  /** No more video will come; audio may. */
  closeVideo(): void {
    this.#video.close();
  }

  async finish(): Promise<void> {
    await this.#output.finalize();
  }

  /** Gives the file up; whatever was written is the host's to delete. */
  async cancel(): Promise<void> {
    if (this.#started && this.#output.state !== 'finalized' && this.#output.state !== 'canceled') {
      await this.#output.cancel().catch(() => {});
    }
  }

  /** Encoders do not know the shape of a pixel, and make up colours where they are not told: the container knows. */
  #described(config: VideoDecoderConfig): VideoDecoderConfig {
    const { pixelAspect, colorSpace } = this.#track;
    const described: VideoDecoderConfig = { ...config, colorSpace: colorSpace ?? undefined };
    if (pixelAspect.num === pixelAspect.den || !config.codedWidth || !config.codedHeight) return described;
    return {
      ...described,
      displayAspectWidth: config.codedWidth * pixelAspect.num,
      displayAspectHeight: config.codedHeight * pixelAspect.den,
    };
  }
}

function outputFormat(
  { container, name }: Pick<VideoOutputSpec, 'container' | 'name'>,
  reserve: boolean,
): OutputFormat {
  switch (container) {
    case 'mp4':
      return new Mp4OutputFormat({ fastStart: reserve ? 'reserve' : false });
    case 'webm':
      return new WebMOutputFormat();
    case 'mkv':
      return new MkvOutputFormat();
    case 'hls': {
      // Named after the playlist: two of them may live in one folder.
      const stem = name.replace(/\.[^.]*$/, '');
      return new HlsOutputFormat({
        segmentFormat: new CmafOutputFormat(),
        targetDuration: KEYFRAME_DISTANCE / 1e6,
        getPlaylistPath: ({ n }) => `${stem}-${n}.m3u8`,
        getInitPath: ({ n }) => `${stem}-${n}-init.mp4`,
        getSegmentPath: ({ n, playlist }) => `${stem}-${playlist.n}-${n}.m4s`,
      });
    }
  }
}

/** Whether a container can hold a codec without a change. */
export function holdsVideo(container: Container, codec: VideoCodec): boolean {
  // VP8 has no registered place in MP4 or CMAF that players know.
  if ((container === 'mp4' || container === 'hls') && codec === 'vp8') return false;
  return trackFormat(container).getSupportedVideoCodecs().includes(codec);
}

export function holdsAudio(container: Container, codec: AudioCodec): boolean {
  return trackFormat(container).getSupportedAudioCodecs().includes(codec);
}

const trackFormat = (container: Container) =>
  container === 'hls' ? new CmafOutputFormat() : outputFormat({ container, name: '' }, false);

/** A stream that asks the host for its file only when the first byte comes, so that a job refused early leaves none. */
function lazyStream<T>(open: () => Promise<WritableStream<T>>): WritableStream<T> {
  let writer: WritableStreamDefaultWriter<T> | null = null;
  return new WritableStream<T>({
    async write(chunk) {
      writer ??= (await open()).getWriter();
      await writer.write(chunk);
    },
    close: () => writer?.close(),
    abort: (reason) => writer?.abort(reason),
  });
}
