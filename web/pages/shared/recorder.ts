import {
  MediaStreamAudioTrackSource,
  MediaStreamVideoTrackSource,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
  StreamTarget,
} from 'mediabunny';
import { EdgeRunnerError } from '../../../protocol/index.ts';

const PREFIX = 'recording-';

/** Seconds between keyframes: a person seeks in what was recorded. */
const KEYFRAMES = 2;
/** Bytes that are held in memory: what a recording that breaks off may lose. */
const CHUNK = 1 << 20;

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
   * @param size of the picture now, px: of an odd one H.264 has a row or a column less.
   * @param fail called when it breaks off by itself: the disk is full, the encoder gives up. It is still to be finished.
   * @throws {EdgeRunnerError} `browser-lacks`, `encoder-unsupported`
   */
  static async start(
    stream: MediaStream,
    { width, height }: { width: number; height: number },
    fail: (error: EdgeRunnerError) => void,
  ): Promise<Recorder> {
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (typeof VideoEncoder === 'undefined' || !navigator.storage?.getDirectory)
      throw new EdgeRunnerError(
        'browser-lacks',
        'This browser cannot record: it has no VideoEncoder, or no file system of its own.',
        'Take a current Chrome, Edge or Safari; everything else works.',
      );
    const folder = await navigator.storage.getDirectory();
    await removeOld(folder);
    const file = await folder.getFileHandle(`${PREFIX}${crypto.randomUUID()}.mp4`, { create: true });
    // Held until this page is gone: whoever gets it may remove the file.
    navigator.locks.request(file.name, () => new Promise(() => {}));
    const output = new Output({
      format: new Mp4OutputFormat({ fastStart: 'fragmented' }),
      target: new StreamTarget(await file.createWritable(), { chunked: true, chunkSize: CHUNK }),
    });
    const pictures = new MediaStreamVideoTrackSource(video!, {
      ...{ codec: 'avc', bitrate: QUALITY_HIGH, keyFrameInterval: KEYFRAMES, latencyMode: 'realtime' },
      // Another layout is another size; the file keeps the first one's.
      sizeChangeBehavior: 'contain',
      ...((width % 2 || height % 2) && {
        transform: { width: width - (width % 2), height: height - (height % 2), fit: 'contain' },
      }),
    });
    const breakOff = (error: unknown) => fail(brokenOff(error));
    pictures.errorPromise.catch(breakOff);
    output.addVideoTrack(pictures);
    if (audio) {
      const sound = new MediaStreamAudioTrackSource(audio, { codec: 'opus', bitrate: 128_000 });
      sound.errorPromise.catch(breakOff);
      output.addAudioTrack(sound);
    }
    await output.start();
    return new Recorder(output, file);
  }

  /** Since it began. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /**
   * Ends it. The file stays in the browser's file system until a page comes after this one; one that broke off plays to
   * its last whole fragment.
   * @throws {EdgeRunnerError} `output-write` where there is not even one.
   */
  async finish(): Promise<Blob> {
    let fault: unknown = null;
    await this.#output.finalize().catch((error: unknown) => {
      fault = error;
    });
    const file = await this.#file.getFile();
    if (fault !== null && file.size === 0) throw brokenOff(fault);
    return new File([file], this.#file.name, { type: 'video/mp4' });
  }
}

const brokenOff = (error: unknown) =>
  error instanceof DOMException && error.name === 'QuotaExceededError'
    ? new EdgeRunnerError(
        'output-write',
        "The recording ended: the disk, or this site's share of it, is full.",
        'Save what was recorded, make room, and record on.',
        { cause: error },
      )
    : new EdgeRunnerError(
        'output-write',
        `The recording broke off: ${error instanceof Error ? error.message : error}.`,
        'What was recorded until then is there to be saved; record on anew.',
        { cause: error },
      );

/** Recordings of pages that are gone: a page on its way out has no time to remove its own. */
async function removeOld(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const name of folder.keys()) {
    if (!name.startsWith(PREFIX)) continue;
    await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock) await folder.removeEntry(name).catch(() => {});
    });
  }
}

/** To be called when a page begins. */
export const removeOldRecordings = async (): Promise<void> => {
  if (navigator.storage?.getDirectory)
    await removeOld(await navigator.storage.getDirectory()).catch(() => {});
};
