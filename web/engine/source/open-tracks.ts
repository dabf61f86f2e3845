import {
  ALL_FORMATS,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  type Source,
  UnsupportedInputFormatError,
} from 'mediabunny';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { SourceBytes } from '../host.ts';
import type { ContainerBytes } from './container-bytes.ts';
import { type AudioInfo, type Known, readAudioInfo, readVideoInfo, type VideoInfo } from './media-info.ts';

export interface Opened {
  name: string;
  video: VideoInfo;
  audio: AudioInfo | null;
  origin: number;
  input: Input;
  videoTrack: InputVideoTrack;
  audioTrack: InputAudioTrack | null;
  bytes: SourceBytes;
  container: ContainerBytes;
}

/**
 * Finds out what tracks a container has, and how they begin.
 * @throws {EdgeRunnerError} as `MediaSource.open`
 */
export async function openTracks(
  name: string,
  bytes: SourceBytes,
  container: ContainerBytes,
  source: Source,
  known: Known | null,
): Promise<Opened> {
  const input = new Input({ formats: ALL_FORMATS, source });
  try {
    return { name, bytes, container, input, ...(await readInput(name, bytes, container, input, known)) };
  } catch (error) {
    input.dispose();
    const lost = await bytes.loss();
    if (lost !== null) throw unreadable(name, lost, { cause: error });
    if (error instanceof EdgeRunnerError || !(error instanceof Error)) throw error;
    // The demuxer fails on a fragment that is not all there; this one was the first.
    throw (await container.loss('thorough')) ? noFrames(name) : indexUnreadable(name, error);
  }
}

async function readInput(
  name: string,
  bytes: SourceBytes,
  container: ContainerBytes,
  input: Input,
  known: Known | null,
): Promise<Pick<Opened, 'video' | 'audio' | 'origin' | 'videoTrack' | 'audioTrack'>> {
  const format = await input.getFormat().catch(async (error: unknown) => {
    if (!(error instanceof UnsupportedInputFormatError) || (await bytes.loss())) throw error;
    throw new EdgeRunnerError(
      'input-not-media',
      `${name} is not a media file that edge-runner can read.`,
      'Give an MP4, MOV, MKV, WebM or MPEG-TS file; "edge-runner inspect FILE" shows what a file holds.',
    );
  });
  const [videoTrack, audioTrack] = await readTracks(name, input);
  if (!videoTrack && !audioTrack) throw indexUnreadable(name, new Error('it lists no track'));
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
  const video = await readVideoInfo(format.name, videoTrack, codec, config, origin, container.movie, known);
  const audio = audioTrack ? await readAudioInfo(audioTrack, video.packets !== null) : null;
  return { videoTrack, audioTrack, origin, video, audio };
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
    throw indexUnreadable(name, error);
  }
}

const unreadable = (name: string, lost: string, options: ErrorOptions) =>
  new EdgeRunnerError(
    'url-unreachable',
    `${name} could not be read: ${lost}.`,
    'Check the address and the network, then run again.',
    options,
  );

export const REPAIR =
  'The file is damaged or was cut before its index was written; make it again or repair it first.';

const indexUnreadable = (name: string, why: unknown) =>
  new EdgeRunnerError(
    'input-not-media',
    `${name} looks like media, but it cannot be read: ${inShort(why)}.`,
    REPAIR,
    { cause: why },
  );

/** What the demuxer says goes on to what its makers would like to know. */
export const inShort = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/[.:](?: |$)/)[0]!;

/**
 * MPEG-TS starts anywhere, camera files too: times are counted from the earliest sample, as players do. What lies
 * before 0 was put there by an edit list to be decoded and not shown, and stays before 0.
 */
async function startOf(video: InputVideoTrack, audio: InputAudioTrack | null): Promise<number> {
  const starts = [await video.getFirstTimestamp(), ...(audio ? [await audio.getFirstTimestamp()] : [])];
  return Math.max(0, Math.min(...starts));
}
