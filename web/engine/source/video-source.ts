import type { EncodedPacket } from 'mediabunny';
import type { View } from '../../../kernels/index.ts';
import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import type { Meter } from '../pipeline/meter.ts';
import type { Signal } from '../pipeline/signal.ts';
import { decodeFrames } from './decode.ts';
import type { FrameSource, FrameSourceInfo, Range, SourceFrame } from './frame-source.ts';
import type { MediaSource } from './media-source.ts';

export interface VideoSourceOptions {
  ledger: FrameLedger;
  closed: Signal;
  meter: Meter;
  signal: AbortSignal;
  /** Whether its frames are encoded as they come. */
  encoded: boolean;
  /** How many of the machine's cores there are for it and what comes after it. */
  cores: number;
}

/** Frames of a container's video track. */
export class VideoSource implements FrameSource {
  readonly info: FrameSourceInfo;
  readonly media: MediaSource;
  readonly #options: VideoSourceOptions;
  readonly #tally: ReadTally;

  constructor(media: MediaSource, options: VideoSourceOptions) {
    const { video } = media;
    this.media = media;
    this.#options = options;
    this.#tally = new ReadTally(media);
    this.info = {
      view: video.view,
      fps: video.fps,
      frames: video.frames,
      duration: video.duration,
      codec: video.config.codec,
    };
  }

  async *frames({ start, end, firstFrame }: Range): AsyncGenerator<SourceFrame, void> {
    let index = firstFrame ?? (start > 0 ? await this.media.framesBefore(start) : 0);
    const from = start * 1e6 - 0.5;
    const decoded = decodeFrames(this.#tally.count(this.media.videoPackets(start), { start, end }), {
      ...this.#options,
      name: this.media.name,
      config: this.media.video.config,
      onDamage: (message) => this.#tally.damage(message),
    });
    for await (const frame of decoded) {
      this.#tally.decoded++;
      // Before the range: decoded only because later frames stand on it, or cut away by an edit list.
      if (frame.timestamp < from || frame.timestamp < -0.5) {
        this.#options.ledger.close(frame);
        continue;
      }
      if (frame.timestamp >= end * 1e6 - 0.5) {
        this.#options.ledger.close(frame);
        return;
      }
      this.#tally.frames++;
      yield { frame, index: index++, view: this.#viewOf(frame) };
    }
  }

  loss(): Promise<string | null> {
    return this.#tally.loss();
  }

  close(): void {
    this.media.dispose();
  }

  /** The container's word, but for frames that changed size in mid-stream, which speak for themselves. */
  #viewOf(frame: VideoFrame): View {
    const { video } = this.media;
    const { width, height } = frame.visibleRect!;
    if (width === video.width && height === video.height) return video.view;
    const { orientation } = video.view;
    const turned = orientation.rotation % 180 !== 0;
    return {
      displayWidth: turned ? frame.displayHeight : frame.displayWidth,
      displayHeight: turned ? frame.displayWidth : frame.displayHeight,
      orientation,
    };
  }
}

/** Counts what was read, to tell a truncated or damaged source from a whole one. */
export class ReadTally {
  /** Frames that came out of the decoder, and those of them that are shown. */
  decoded = 0;
  frames = 0;
  readonly #media: MediaSource;
  #packets = 0;
  #end = 0;
  #ended = false;
  #whole = false;
  #damage: string[] = [];

  constructor(media: MediaSource) {
    this.#media = media;
  }

  async *count(packets: AsyncIterable<EncodedPacket>, range: Range): AsyncGenerator<EncodedPacket> {
    for await (const packet of packets) {
      this.#packets++;
      this.#end = Math.max(this.#end, packet.timestamp + packet.duration);
      yield packet;
    }
    this.#ended = true;
    this.#whole = range.start <= 0;
  }

  damage(message: string): void {
    this.#damage.push(message);
  }

  /** In words what is missing, null when nothing is. Only a source read to its end can be found short. */
  async loss(): Promise<string | null> {
    const found = [
      await this.#media.loss(),
      (this.#whole ? await this.#shortage() : null) ?? (this.#ended ? await this.#media.shortage() : null),
      this.#damageInWords(),
    ];
    return found.filter((loss) => loss !== null).join('; ') || null;
  }

  async #shortage(): Promise<string | null> {
    const { video } = this.#media;
    if (video.packets !== null && this.#packets < video.packets) {
      return `the file ends early: ${video.packets - this.#packets} of ${video.packets} frames are missing`;
    }
    if (video.duration === null || video.packets !== null) return null;
    // Matroska says how long it should be; a second's tolerance, because audio and video need not end together.
    const end = Math.max(this.#end, await this.#media.audioEnd());
    if (video.duration - end <= 1) return null;
    return `the file ends early: ${(video.duration - end).toFixed(1)} of ${video.duration.toFixed(1)} s are missing`;
  }

  #damageInWords(): string | null {
    if (this.#damage.length === 0) return null;
    const times = this.#damage.length === 1 ? 'once' : `${this.#damage.length} times`;
    const missing = this.#whole ? this.#packets - this.decoded : 0;
    const lost = missing > 0 ? `: ${missing} of ${this.#packets} frames are lost` : '';
    return `the decoder failed ${times} on damaged data${lost}`;
  }
}
