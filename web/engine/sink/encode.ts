import { EdgeRunnerError } from '../../../protocol/index.ts';
import { type Meter, ServiceClock } from '../pipeline/meter.ts';
import { Signal } from '../pipeline/signal.ts';

/** Frames waiting in the encoder, at most: enough to keep it busy, few enough that nothing piles up. */
const ENCODE_QUEUE = 4;
/** Encoded chunks waiting for the file, at most. */
const MUX_QUEUE = 32;
/**
 * Pictures that an encoder is given to find its rate with, where it goes on in the midst of a video: an encoder that
 * begins spends too little on its first frames.
 */
const SETTLING_FRAMES = 4;
/** Microseconds between them, where nobody knows how long a frame lasts. */
const SETTLING_STEP = 33_333;
/** A player seeks to keyframes: never more than this apart, in microseconds. */
export const KEYFRAME_DISTANCE = 2_000_000;

export interface EncodeOptions {
  config: VideoEncoderConfig;
  /** Whether it begins in the midst of a video, and should look as if it did not. */
  settles: boolean;
  meter: Meter;
  /** Writes a chunk to the file; its promise is back-pressure. Called in encode order. */
  write(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined): Promise<void>;
}

/** A `VideoEncoder` with bounded queues on both sides. Frames stay owned by the caller. */
export class EncodePump {
  readonly #encoder: VideoEncoder;
  readonly #changed = new Signal();
  readonly #meter: Meter;
  readonly #submitted = new Map<number, number>();
  /** Chunks on their way into the file; the first is being written. */
  readonly #unwritten: { chunk: EncodedVideoChunk; metadata: EncodedVideoChunkMetadata | undefined }[] = [];
  #written: Promise<void> = Promise.resolve();
  #failure: unknown = null;
  #lastKeyframe = Number.NEGATIVE_INFINITY;
  #settles: boolean;
  /** Microseconds of the first frame that goes out. */
  #begin = Number.NEGATIVE_INFINITY;
  #described: EncodedVideoChunkMetadata | undefined;

  constructor({ config, settles, meter, write }: EncodeOptions) {
    this.#meter = meter;
    this.#settles = settles;
    const clock = new ServiceClock(meter.stage('encode'));
    const fail = (error: unknown) => {
      this.#failure ??= error;
      this.#changed.notify();
    };
    this.#encoder = new VideoEncoder({
      output: (chunk, described) => {
        // Only the first packet comes with a description, which may be one that nobody gets.
        if (described?.decoderConfig) this.#described = described;
        if (chunk.timestamp < this.#begin) return;
        const metadata = this.#described;
        this.#described = undefined;
        const submitted = this.#submitted.get(chunk.timestamp);
        this.#submitted.delete(chunk.timestamp);
        if (submitted !== undefined) clock.done(submitted);
        this.#unwritten.push({ chunk, metadata });
        // One at a time: the muxer takes packets in encode order.
        if (this.#unwritten.length === 1) this.#written = this.#writeAll(write).catch(fail);
      },
      error: (error) =>
        fail(
          new EdgeRunnerError(
            'engine-fault',
            `The browser's video encoder failed: ${error.message}`,
            'Try another --codec or --size; "edge-runner doctor" lists the encoders that work here.',
            { cause: error },
          ),
        ),
    });
    this.#encoder.configure(config);
    this.#encoder.ondequeue = () => this.#changed.notify();
  }

  /**
   * Queues a frame once there is room. The frame may be closed when the promise resolves.
   * Every frame after which the next would lie more than {@link KEYFRAME_DISTANCE} behind the last keyframe is one.
   */
  async encode(frame: VideoFrame): Promise<void> {
    const stage = this.#meter.stage('encode');
    stage.queue(this.#encoder.encodeQueueSize);
    await this.#changed.until(
      () =>
        this.#failure !== null ||
        (this.#encoder.encodeQueueSize < ENCODE_QUEUE && this.#unwritten.length < MUX_QUEUE),
    );
    this.#throwIfFailed();
    if (this.#settles) this.#settle(frame);
    const end = frame.timestamp + (frame.duration ?? 0);
    const keyFrame = end - this.#lastKeyframe > KEYFRAME_DISTANCE;
    if (keyFrame) this.#lastKeyframe = frame.timestamp;
    this.#submitted.set(frame.timestamp, performance.now());
    this.#encoder.encode(frame, { keyFrame });
  }

  /** The first frame a few times, before its time. */
  #settle(frame: VideoFrame): void {
    this.#settles = false;
    this.#begin = frame.timestamp;
    const step = frame.duration ?? SETTLING_STEP;
    for (let i = SETTLING_FRAMES; i > 0; i--) {
      const before = new VideoFrame(frame, { timestamp: frame.timestamp - i * step });
      try {
        this.#encoder.encode(before, { keyFrame: i === SETTLING_FRAMES });
      } finally {
        before.close();
      }
    }
  }

  /** Resolves when every frame is in the file. */
  async finish(): Promise<void> {
    await this.#encoder.flush().catch((error: unknown) => {
      this.#failure ??= error;
    });
    await this.#written;
    this.#throwIfFailed();
    this.close();
  }

  async #writeAll(write: EncodeOptions['write']): Promise<void> {
    const stage = this.#meter.stage('mux');
    for (let head = this.#unwritten[0]; head && !this.#failure; head = this.#unwritten[0]) {
      const { chunk, metadata } = head;
      await stage.time(() => write(chunk, metadata));
      this.#unwritten.shift();
      this.#changed.notify();
    }
  }

  close(): void {
    if (this.#encoder.state !== 'closed') this.#encoder.close();
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure;
  }
}
