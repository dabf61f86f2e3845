import type { EncodedPacket } from 'mediabunny';
import { EdgeRunnerError, type Segment, type VideoOutputSpec } from '../../../protocol/index.ts';
import type { EngineHost, SourceBytes } from '../host.ts';
import { joinedBytes } from '../joined-bytes.ts';
import { Signal } from '../pipeline/signal.ts';
import { type AudioPump, copyAudio, type Sound } from '../sink/audio.ts';
import { MediaOutput } from '../sink/media-output.ts';
import type { Range } from '../source/frame-source.ts';
import { MediaSource } from '../source/media-source.ts';
import { parameterSets, sameBytes } from './parameter-sets.ts';

export interface JoinOptions {
  host: Pick<EngineHost, 'createFile' | 'log'>;
  spec: VideoOutputSpec;
  segments: readonly Segment[];
  /** The file of a segment, as `runJob` makes it. */
  openPart(segment: Segment): Promise<SourceBytes>;
  /** What goes with it, and which part of that, seconds, in a codec that the container holds; null for none. */
  sound: { from: Sound; range: Pick<Range, 'start' | 'end'> } | null;
  /** Seconds of the source with which the output begins. */
  start: number;
  /** Called after each frame. */
  onFrame(frames: number): void;
  signal: AbortSignal;
}

/** A segment that is not what was planned. */
export class BadSegmentError extends EdgeRunnerError {
  readonly ordinal: number;

  constructor({ ordinal }: Segment, what: string) {
    super(
      'segment-short',
      `Segment ${ordinal} is not what was planned: ${what}.`,
      'It is worked at again; if that does not help, please report this with the source.',
    );
    this.ordinal = ordinal;
  }
}

/**
 * Makes one file of the segments of a source, packet by packet, with the source's sound over the whole. Nothing is
 * decoded, and no more than a few packets are in memory at a time.
 * @returns whether the index of the file should be moved to its front.
 * @throws {BadSegmentError} for a segment that has other frames than planned.
 */
export async function joinSegments(options: JoinOptions): Promise<{ indexAtEnd: boolean }> {
  const { host, spec, segments, sound, signal } = options;
  const looks = await lookAtAll(options);
  const { media, config } = looks;
  const advanced = new Signal();
  const wake = () => advanced.notify();
  signal.addEventListener('abort', wake, { once: true });
  let reached = 0;
  let audio: AudioPump | null = null;
  let output: MediaOutput | null = null;
  try {
    audio =
      sound && copyAudio(sound.from, { ...sound.range, videoTime: () => reached, advanced, aborted: signal });
    const { rotation, flip } = media.view.orientation;
    output = new MediaOutput(
      host as EngineHost,
      spec,
      {
        ...{ codec: media.codec, rotation, flip, pixelAspect: media.pixelAspect, fragments: false },
        colorSpace: media.colorTagged ? (media.config.colorSpace ?? null) : null,
        packets: segments.reduce((sum, { frames }) => sum + frames, 0),
      },
      audio,
    );
    await output.start();
    const hearing = audio?.run();
    // Its failure is taken up after the video; until then it must not count as unhandled.
    hearing?.catch(() => {});
    let frames = 0;
    for (const segment of segments) {
      for await (const packet of packetsOf(segment, options, looks.inBand)) {
        signal.throwIfAborted();
        await output.addVideo(packet, frames === 0 ? config : undefined);
        reached = packet.timestamp;
        wake();
        options.onFrame(++frames);
      }
    }
    output.closeVideo();
    reached = Number.POSITIVE_INFINITY;
    wake();
    await hearing;
    await output.finish();
    return { indexAtEnd: output.indexAtEnd };
  } catch (error) {
    await output?.cancel();
    throw error;
  } finally {
    reached = Number.POSITIVE_INFINITY;
    wake();
    signal.removeEventListener('abort', wake);
  }
}

interface Looks {
  media: MediaSource['video'];
  config: VideoDecoderConfig;
  /** Whether every segment brings its own parameter sets along. */
  inBand: boolean;
}

/** Compares how the segments were encoded. */
async function lookAtAll({ segments, openPart, host, signal }: JoinOptions): Promise<Looks> {
  let first: MediaSource['video'] | null = null;
  let unequal = false;
  for (const segment of segments) {
    signal.throwIfAborted();
    const part = await open(segment, openPart);
    const { video } = part;
    part.dispose();
    first ??= video;
    if (video.codec !== first.codec || video.width !== first.width || video.height !== first.height)
      throw new BadSegmentError(
        segment,
        `it is ${video.codec} of ${video.width}×${video.height}, the first one ${first.codec} of ${first.width}×${first.height}`,
      );
    unequal ||= !sameBytes(video.config.description, first.config.description);
  }
  const { codec, config } = first!;
  // VP8 and VP9 have no such record; that of AV1 repeats what stands in its keyframes.
  if (!unequal || codec === 'vp8' || codec === 'vp9') return { media: first!, config, inBand: false };
  if (codec !== 'avc')
    throw new EdgeRunnerError(
      'segments-unequal',
      `The segments were encoded by unlike encoders, and ${codec} from such does not go into one file.`,
      'Give the job nodes of one kind ("placement.encoderClass"), or take h264, vp8 or vp9.',
    );
  host.log('the segments come from unlike encoders: each brings its parameter sets along (avc3)');
  return { media: first!, config: { ...config, codec: config.codec.replace('avc1', 'avc3') }, inBand: true };
}

async function open(segment: Segment, openPart: JoinOptions['openPart']): Promise<MediaSource> {
  const bytes = await openPart(segment);
  try {
    return await MediaSource.open(`segment ${segment.ordinal}`, bytes);
  } catch (error) {
    // What a node sent says nothing against the source that somebody else gave.
    if (error instanceof EdgeRunnerError && error.code.startsWith('input-'))
      throw new BadSegmentError(segment, error.message);
    throw error;
  }
}

/** The packets of a segment, in the time of the output, once they are known to be what was planned. */
async function* packetsOf(
  segment: Segment,
  { openPart, start }: JoinOptions,
  inBand: boolean,
): AsyncGenerator<EncodedPacket> {
  const part = await open(segment, openPart);
  try {
    const { description } = part.video.config;
    const sets = inBand && description ? parameterSets(description) : null;
    if (inBand && !sets) throw new BadSegmentError(segment, 'its parameter sets cannot be read');
    const shift = Math.round(start * 1e6);
    let frames = 0;
    let last = Number.NEGATIVE_INFINITY;
    for await (const packet of part.videoPackets()) {
      const time = Math.round((packet.timestamp + part.origin) * 1e6);
      if (frames === 0 && time !== segment.firstTime - shift)
        throw new BadSegmentError(segment, `it begins at ${time + shift} µs, not at ${segment.firstTime}`);
      if (time <= last) throw new BadSegmentError(segment, `its frame at ${time + shift} µs is out of order`);
      frames++;
      last = time;
      const data = sets && packet.type === 'key' ? joinedBytes([sets, packet.data]) : packet.data;
      yield packet.clone({ timestamp: time / 1e6, data });
    }
    if (frames !== segment.frames)
      throw new BadSegmentError(segment, `it has ${frames} frames, not ${segment.frames}`);
    if (last !== segment.lastTime - shift)
      throw new BadSegmentError(segment, `it ends at ${last + shift} µs, not at ${segment.lastTime}`);
  } finally {
    part.dispose();
  }
}
