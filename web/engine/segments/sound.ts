import {
  ALL_FORMATS,
  type EncodedPacket,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  Mp4OutputFormat,
  Output,
  StreamTarget,
} from 'mediabunny';
import { EdgeRunnerError, type JobSpec, SOUND_FILE } from '../../../protocol/index.ts';
import type { EngineHost, SourceBytes } from '../host.ts';
import { Signal } from '../pipeline/signal.ts';
import { planJob, rangeOf, sourceName } from '../plan.ts';
import { planAudio, type Sound } from '../sink/audio.ts';
import { type AudioInfo, readAudioInfo } from '../source/media-info.ts';
import { MediaSource } from '../source/media-source.ts';

/**
 * Encodes the sound of a job's only source for its video output, without the pictures: for segments to be laid over.
 * Nothing is written where the source has none that this browser can decode.
 * @throws {EdgeRunnerError} as `runJob` does of a source that cannot be read.
 */
export async function encodeSound(job: JobSpec, host: EngineHost, signal: AbortSignal): Promise<void> {
  const [plan] = planJob(job);
  const { spec } = plan!.video!;
  const media = await MediaSource.open(sourceName(plan!.source), await host.openSource(plan!.source));
  let output: Output | null = null;
  try {
    const audio = await planAudio(host, media, spec.container, {
      ...rangeOf(plan!.source),
      // There is no picture to keep pace with.
      videoTime: () => Number.POSITIVE_INFINITY,
      advanced: new Signal(),
      aborted: signal,
      onAudio: (seconds) => {
        host.progress({
          ...{ source: plan!.source.id, frames: Math.floor(seconds), of: null, openFrames: 0 },
          ...{ time: seconds, duration: media.video.duration },
        });
      },
    });
    if (!audio) return;
    output = new Output({
      format: new Mp4OutputFormat({ fastStart: 'fragmented' }),
      target: new StreamTarget(await host.createFile(spec.id, SOUND_FILE)),
    });
    output.addAudioTrack(audio.source, { languageCode: audio.languageCode });
    await output.start();
    await audio.run();
    await output.finalize();
  } catch (error) {
    if (output && output.state !== 'finalized') await output.cancel().catch(() => {});
    throw error;
  } finally {
    media.dispose();
  }
}

/** What {@link encodeSound} wrote, in the time of the output. */
export class SoundFile implements Sound {
  readonly audio: AudioInfo;
  readonly #input: Input;
  readonly #track: InputAudioTrack;

  private constructor(input: Input, track: InputAudioTrack, audio: AudioInfo) {
    this.#input = input;
    this.#track = track;
    this.audio = audio;
  }

  /** @throws {EdgeRunnerError} `engine-fault` where it is no such file. */
  static async open({ source }: SourceBytes): Promise<SoundFile> {
    const input = new Input({ formats: ALL_FORMATS, source });
    try {
      const track = await input.getPrimaryAudioTrack();
      const audio = track && (await readAudioInfo(track, true));
      if (!track || !audio) throw new Error('there is none in it');
      return new SoundFile(input, track, audio);
    } catch (error) {
      input.dispose();
      throw new EdgeRunnerError(
        'engine-fault',
        `The sound that was encoded cannot be read: ${error instanceof Error ? error.message : error}.`,
        'Please report this with the source.',
        { cause: error },
      );
    }
  }

  audioPackets(): AsyncGenerator<EncodedPacket> {
    return new EncodedPacketSink(this.#track).packets();
  }

  dispose(): void {
    this.#input.dispose();
  }
}
