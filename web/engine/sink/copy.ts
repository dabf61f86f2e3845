import type { VideoOutputSpec } from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import type { Meter } from '../pipeline/meter.ts';
import { Signal } from '../pipeline/signal.ts';
import type { MediaSource } from '../source/media-source.ts';
import { noFrames } from '../source/open-tracks.ts';
import { ReadTally } from '../source/video-source.ts';
import { planAudio } from './audio.ts';
import { MediaOutput } from './media-output.ts';

export interface CopyOptions {
  host: EngineHost;
  spec: VideoOutputSpec;
  media: MediaSource;
  meter: Meter;
  signal: AbortSignal;
  /** Called after each video packet with its time in seconds. */
  onPacket(frames: number, time: number): void;
}

export interface CopyResult {
  frames: number;
  loss: string | null;
  indexAtEnd: boolean;
}

const WHOLE = { start: 0, end: Number.POSITIVE_INFINITY };

/** Moves the packets of video and audio into another container, bit for bit. */
export async function copyPackets({
  host,
  spec,
  media,
  meter,
  signal,
  onPacket,
}: CopyOptions): Promise<CopyResult> {
  const advanced = new Signal();
  const tally = new ReadTally(media);
  let time = 0;
  let frames = 0;
  const onAbort = () => advanced.notify();
  signal.addEventListener('abort', onAbort, { once: true });
  const { video } = media;
  const audio = await planAudio(host, media, spec.container, {
    ...WHOLE,
    videoTime: () => time,
    advanced,
    aborted: signal,
  });
  const { rotation, flip } = video.view.orientation;
  const track = {
    codec: video.codec,
    rotation,
    flip,
    pixelAspect: video.pixelAspect,
    colorSpace: video.colorTagged ? (video.config.colorSpace ?? null) : null,
    packets: video.packets,
    fragments: false,
  };
  const output = new MediaOutput(host, spec, track, audio);
  host.log(`copying the ${video.codec} packets: nothing asks for another picture`);
  try {
    await output.start();
    const hearing = audio?.run();
    // Its failure is taken up after the video; until then it must not count as unhandled.
    hearing?.catch(() => {});
    for await (const packet of tally.count(media.videoPackets(), WHOLE)) {
      signal.throwIfAborted();
      await meter.stage('mux').time(() => output.addVideo(packet, frames === 0 ? video.config : undefined));
      frames++;
      time = packet.timestamp;
      advanced.notify();
      onPacket(frames, time);
    }
    if (frames === 0) throw noFrames(media.name);
    output.closeVideo();
    time = Number.POSITIVE_INFINITY;
    advanced.notify();
    await hearing;
    await meter.stage('finalize').time(() => output.finish());
    return { frames, loss: await tally.loss(), indexAtEnd: output.indexAtEnd };
  } catch (error) {
    await output.cancel();
    throw error;
  } finally {
    time = Number.POSITIVE_INFINITY;
    advanced.notify();
    signal.removeEventListener('abort', onAbort);
  }
}
