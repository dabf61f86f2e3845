import {
  MediaStreamAudioTrackSource,
  MediaStreamVideoTrackSource,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
  StreamTarget,
} from 'mediabunny';
import { EdgeRunnerError } from '../../../protocol/index.ts';

/** Seconds between keyframes: a person seeks in what was recorded. */
const KEYFRAMES = 2;

/**
 * Writes a live stream to an MP4 in the browser's own file system, fragment by fragment: as long as the disk lasts, and
 * never in memory.
 */
export class Recorder {
  readonly #output: Output;
  readonly #file: FileSystemFileHandle;
  readonly #began = performance.now();

  private constructor(output: Output, file: FileSystemFileHandle) {
    this.#output = output;
    this.#file = file;
  }

  /**
   * @param fail called when it breaks off by itself: the disk is full, the encoder gives up.
   * @throws {EdgeRunnerError} `browser-lacks`, `encoder-unsupported`
   */
  static async start(stream: MediaStream, fail: (error: unknown) => void): Promise<Recorder> {
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (typeof VideoEncoder === 'undefined' || !navigator.storage?.getDirectory)
      throw new EdgeRunnerError(
        'browser-lacks',
        'This browser cannot record: it has no VideoEncoder, or no file system of its own.',
        'Take a current Chrome, Edge or Safari; everything else works.',
      );
    const folder = await navigator.storage.getDirectory();
    const file = await folder.getFileHandle(`recording-${crypto.randomUUID()}.mp4`, { create: true });
    const output = new Output({
      format: new Mp4OutputFormat({ fastStart: 'fragmented' }),
      target: new StreamTarget(await file.createWritable(), { chunked: true }),
    });
    const pictures = new MediaStreamVideoTrackSource(video!, {
      ...{ codec: 'avc', bitrate: QUALITY_HIGH, keyFrameInterval: KEYFRAMES, latencyMode: 'realtime' },
      // Another layout is another size; the file keeps the first one's.
      sizeChangeBehavior: 'contain',
    });
    pictures.errorPromise.catch(fail);
    output.addVideoTrack(pictures);
    if (audio) {
      const sound = new MediaStreamAudioTrackSource(audio, { codec: 'opus', bitrate: 128_000 });
      sound.errorPromise.catch(fail);
      output.addAudioTrack(sound);
    }
    await output.start();
    return new Recorder(output, file);
  }

  /** Since it began. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Ends it. The file stays in the browser's file system for as long as the page is open. */
  async finish(): Promise<Blob> {
    await this.#output.finalize();
    const blob = await this.#file.getFile();
    addEventListener('pagehide', () => {
      navigator.storage
        .getDirectory()
        .then((folder) => folder.removeEntry(this.#file.name))
        .catch(() => {});
    });
    return new File([blob], this.#file.name, { type: 'video/mp4' });
  }
}
