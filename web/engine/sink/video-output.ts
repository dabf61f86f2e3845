import type { VideoCodec } from 'mediabunny';
import {
  type Codec,
  EdgeRunnerError,
  type Segment,
  USUAL_CODECS,
  type VideoOutputSpec,
} from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import type { Meter } from '../pipeline/meter.ts';
import { Signal } from '../pipeline/signal.ts';
import { rangeOf, type SourcePlan } from '../plan.ts';
import { type FrameSourceInfo, type Range, UNKNOWN_FPS } from '../source/frame-source.ts';
import type { MediaSource } from '../source/media-source.ts';
import { type AudioPump, planAudio } from './audio.ts';
import { EncodePump } from './encode.ts';
import { chooseEncoder } from './encoder-config.ts';
import { holdsVideo, MediaOutput, toMediabunnyCodec } from './media-output.ts';

export interface VideoOutputOptions {
  host: EngineHost;
  spec: VideoOutputSpec;
  info: FrameSourceInfo;
  /** Where the audio comes from; null for sources without a container. */
  media: MediaSource | null;
  /** That the job is about: the file begins with it. */
  range: Range;
  /** Where this is the file of a segment: fragments without audio, for whoever joins them. */
  segment: Segment | null;
  /** True when frames come upright, with their rotation taken out. */
  upright: boolean;
  meter: Meter;
  signal: AbortSignal;
}

/** Encodes frames into the file of a video output, with the source's audio beside them. */
export class VideoOutput {
  readonly #options: VideoOutputOptions;
  readonly #advanced = new Signal();
  #written = 0;
  #pump: EncodePump | null = null;
  #output: MediaOutput | null = null;
  #audio: AudioPump | null = null;
  #audioDone: Promise<void> = Promise.resolve();
  #audioFailure: unknown = null;
  #cropped: { width: number; height: number } | null = null;

  constructor(options: VideoOutputOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#advanced.notify(), { once: true });
  }

  /** True when the host has to move the index of the finished file to its front. */
  get indexAtEnd(): boolean {
    return this.#output?.indexAtEnd ?? false;
  }

  /** Queues a frame; the caller may close it once this resolves. Timestamps are shifted to the range's start. */
  async write(frame: VideoFrame): Promise<void> {
    this.#pump ??= await this.#open(frame);
    if (this.#audioFailure) throw this.#audioFailure;
    const { range } = this.#options;
    const visibleRect = this.#cropped && {
      x: frame.visibleRect!.x,
      y: frame.visibleRect!.y,
      ...this.#cropped,
    };
    if (range.start === 0 && !visibleRect) {
      await this.#pump.encode(frame);
    } else {
      const moved = new VideoFrame(frame, {
        timestamp: frame.timestamp - Math.round(range.start * 1e6),
        ...(frame.duration !== null && { duration: frame.duration }),
        ...(visibleRect && {
          visibleRect,
          displayWidth: visibleRect.width,
          displayHeight: visibleRect.height,
        }),
      });
      try {
        await this.#pump.encode(moved);
      } finally {
        moved.close();
      }
    }
    this.#written = frame.timestamp / 1e6 - range.start;
    this.#advanced.notify();
  }

  async finish(): Promise<void> {
    if (!this.#pump || !this.#output) throw new Error('a video output was finished without a frame');
    await this.#pump.finish();
    this.#output.closeVideo();
    this.#written = Number.POSITIVE_INFINITY;
    this.#advanced.notify();
    await this.#audioDone;
    if (this.#audioFailure) throw this.#audioFailure;
    await this.#options.meter.stage('finalize').time(() => this.#output!.finish());
  }

  /** The error path: stops encoder, audio and file. Safe after `finish`. */
  async cancel(): Promise<void> {
    this.#written = Number.POSITIVE_INFINITY;
    this.#advanced.notify();
    this.#pump?.close();
    await this.#output?.cancel();
    await this.#audioDone;
  }

  async #open(frame: VideoFrame): Promise<EncodePump> {
    const { host, spec, info, media, range, segment, upright, meter, signal } = this.#options;
    const { width, height } = spec.size ? this.#stored(spec.size) : frame.visibleRect!;
    // It steers the encoder's rate control only.
    const fps = info.fps ?? UNKNOWN_FPS;
    const codec = await this.#codec(width, height, fps);
    const quality = spec.quality ?? 'medium';
    const choice = await chooseEncoder({
      codec,
      width,
      height,
      fps,
      quality,
      ...(spec.bitrate && { bitrate: spec.bitrate }),
    });
    const { right, bottom } = choice.cropped;
    if (right || bottom) {
      if (!spec.size) this.#cropped = { width: width - right, height: height - bottom };
      host.log(
        `cropped by one pixel from ${width}×${height} to ${width - right}×${height - bottom}: ${codec} takes even sizes only`,
      );
    }
    host.log(
      `encoding ${codec} (${choice.hardware ? 'hardware' : 'software'}) ${choice.config.width}×${choice.config.height} at ${(choice.config.bitrate! / 1e6).toFixed(2)} Mbit/s${spec.bitrate ? '' : `, quality ${quality}`}`,
    );
    this.#audio =
      media && !segment
        ? await planAudio(host, media, spec.container, {
            ...range,
            videoTime: () => this.#written,
            advanced: this.#advanced,
            aborted: signal,
          })
        : null;
    const { orientation } = info.view;
    const aspect = media?.video.pixelAspect ?? { num: 1, den: 1 };
    const turned = upright && orientation.rotation % 180 !== 0;
    const output = new MediaOutput(
      host,
      spec,
      {
        codec: toMediabunnyCodec(codec),
        rotation: upright ? 0 : orientation.rotation,
        flip: upright ? false : orientation.flip,
        pixelAspect: spec.size ? { num: 1, den: 1 } : turned ? { num: aspect.den, den: aspect.num } : aspect,
        // Colours that were guessed for decoding are not passed on as a fact.
        colorSpace:
          media && !media.video.colorTagged && !drawnAnew(frame, media) ? null : colorSpaceOf(frame),
        packets: segment ? segment.frames : info.frames,
        fragments: segment !== null,
      },
      this.#audio,
    );
    this.#output = output;
    await output.start();
    this.#audioDone = (this.#audio?.run() ?? Promise.resolve()).catch((error: unknown) => {
      if (!signal.aborted) this.#audioFailure = error;
    });
    return new EncodePump({
      config: choice.config,
      settles: segment !== null && segment.ordinal > 0,
      meter,
      write: (chunk, metadata) => output.addChunk(chunk, metadata),
    });
  }

  /** A size as it is shown, as it is stored: lying on its side where the container turns the picture. */
  #stored({ width, height }: { width: number; height: number }): { width: number; height: number } {
    const { upright, info } = this.#options;
    const turned = !upright && info.view.orientation.rotation % 180 !== 0;
    return turned ? { width: height, height: width } : { width, height };
  }

  /** The codec asked for, or the first one for this container that the browser encodes. */
  async #codec(width: number, height: number, fps: number): Promise<Codec> {
    const { spec, host } = this.#options;
    if (spec.codec) return spec.codec;
    for (const [rank, codec] of USUAL_CODECS[spec.container].entries()) {
      const usable = await chooseEncoder({ codec, width, height, fps }).catch(() => null);
      if (!usable) continue;
      if (rank > 0)
        host.log(
          `this browser has no ${USUAL_CODECS[spec.container][0]} encoder for ${width}×${height}: taking ${codec}`,
        );
      return codec;
    }
    throw new EdgeRunnerError(
      'encoder-unsupported',
      `This browser has no encoder for ${spec.container} at ${width}×${height}.`,
      '"edge-runner doctor" lists the encoders that work here; try a smaller --size.',
    );
  }
}

function colorSpaceOf({ colorSpace }: VideoFrame): VideoColorSpaceInit | null {
  const { primaries, transfer, matrix, fullRange } = colorSpace;
  return matrix ? { primaries, transfer, matrix, fullRange } : null;
}

/** A frame rendered by the GPU has colours of its own, whatever was guessed for the one it was made of. */
const drawnAnew = (frame: VideoFrame, { video }: MediaSource) =>
  frame.colorSpace.matrix !== (video.config.colorSpace?.matrix ?? null);

/** @throws {EdgeRunnerError} `output-container` for a codec that the container cannot hold. */
export function checkContainer({ container, codec }: VideoOutputSpec): void {
  if (!codec || holdsVideo(container, toMediabunnyCodec(codec))) return;
  throw new EdgeRunnerError(
    'output-container',
    `${container} cannot hold ${codec}.`,
    container === 'webm'
      ? 'Choose vp8, vp9 or av1, or write an .mp4 or .mkv.'
      : 'Choose another --codec, or write an .mkv.',
  );
}

/**
 * Whether the packets can be copied as they are: nothing is looked at or drawn, and neither size, rate, codec nor range
 * is asked to change.
 */
export function copiesPackets(
  { video, detect, depth, events, source: from }: SourcePlan,
  source: VideoCodec,
): boolean {
  if (!video || detect || depth || events) return false;
  const { spec } = video;
  const range = rangeOf(from);
  if (spec.size || spec.bitrate || spec.quality) return false;
  if (range.start > 0 || Number.isFinite(range.end)) return false;
  if (spec.codec && toMediabunnyCodec(spec.codec) !== source) return false;
  return holdsVideo(spec.container, source);
}
