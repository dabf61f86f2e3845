import type { EncodedPacket } from 'mediabunny';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { FrameLedger } from '../pipeline/frame-ledger.ts';
import { type Meter, ServiceClock } from '../pipeline/meter.ts';
import type { Signal } from '../pipeline/signal.ts';

export interface DecodeOptions {
  /** Named in errors. */
  name: string;
  config: VideoDecoderConfig;
  ledger: FrameLedger;
  /** Notified by the ledger whenever a frame is closed, so that the pump can go on. */
  closed: Signal;
  meter: Meter;
  signal: AbortSignal;
  /** Whether frames are encoded as they come. */
  encoded: boolean;
  /** How many of the machine's cores there are for the decoder and what comes after it. */
  cores: number;
  /** A packet the decoder refused: what was lost is for the caller to report. */
  onDamage(message: string): void;
}

/** Frames left to the stages behind the decoder: what they make while every decoded frame is still open. */
const ROOM_FOR_STAGES = 2;
/** Frames in the decoder and open behind it at which feeding stops. */
const HIGH_WATER = FrameLedger.LIMIT - ROOM_FOR_STAGES;

/**
 * Decodes packets into frames, in presentation order. The frames are owned by the ledger; the consumer closes each.
 * The decoder is fed so that frames inside it and frames open behind it stay below the ledger's limit.
 *
 * A decoder that fails is made anew at the next keyframe; frames up to there are lost and `onDamage` is told.
 * @throws {EdgeRunnerError} `input-codec` when the browser does not decode the codec.
 */
export async function* decodeFrames(
  packets: AsyncIterable<EncodedPacket>,
  options: DecodeOptions,
): AsyncGenerator<VideoFrame, void> {
  const pump = new DecodePump(await chooseDecoder(options), options);
  const feeding = pump.feed(packets);
  // Its error is taken up below, after the frames that were decoded before it.
  feeding.catch(() => {});
  try {
    while (true) {
      const frame = pump.ready.shift();
      if (frame) yield frame;
      else if (pump.done) break;
      else {
        pump.hungry = true;
        options.closed.notify();
        await options.closed.until(() => pump.ready.length > 0 || pump.done || options.signal.aborted);
        pump.hungry = false;
      }
      options.signal.throwIfAborted();
    }
    await feeding;
  } finally {
    pump.stop();
    await feeding.catch(() => {});
  }
}

class DecodePump {
  readonly ready: VideoFrame[] = [];
  done = false;
  /** Whether somebody waits for a frame. */
  hungry = false;
  #decoder: VideoDecoder | null = null;
  #config: VideoDecoderConfig;
  #options: DecodeOptions;
  #stopped = false;
  #filling = true;
  /** Submission times by timestamp of the packets whose frames have not come out. */
  #inside = new Map<number, number>();
  #clock: ServiceClock;

  constructor(config: VideoDecoderConfig, options: DecodeOptions) {
    this.#config = config;
    this.#options = options;
    this.#clock = new ServiceClock(options.meter.stage('decode'));
  }

  async feed(packets: AsyncIterable<EncodedPacket>): Promise<void> {
    const { closed, meter } = this.#options;
    const demux = meter.stage('demux');
    const iterator = packets[Symbol.asyncIterator]();
    try {
      while (!this.#stopped) {
        const next = await demux.time(() => iterator.next());
        if (next.done) break;
        await closed.until(() => this.#stopped || this.#mayFeed());
        if (this.#stopped) break;
        this.#decode(next.value);
      }
      if (!this.#stopped) await this.#drain();
    } finally {
      this.done = true;
      closed.notify();
      await iterator.return?.(undefined);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#close();
    for (const frame of this.ready.splice(0)) this.#options.ledger.close(frame);
    this.#options.closed.notify();
  }

  #decode(packet: EncodedPacket): void {
    if (!this.#decoder) {
      // After a fault nothing decodes until a keyframe stands on its own.
      if (packet.type !== 'key') return;
      this.#decoder = this.#open();
    }
    const chunk = toChunk(packet);
    this.#options.meter.stage('decode').queue(this.#decoder.decodeQueueSize);
    this.#inside.set(chunk.timestamp, performance.now());
    try {
      this.#decoder.decode(chunk);
    } catch (error) {
      // What is no frame at all is refused at once; what is none inside is, a little later.
      this.#close();
      this.#inside.clear();
      this.#options.onDamage(error instanceof Error ? error.message : String(error));
    }
  }

  #open(): VideoDecoder {
    const { ledger, closed } = this.#options;
    const decoder = new VideoDecoder({
      output: (frame) => {
        const submitted = this.#inside.get(frame.timestamp);
        if (submitted !== undefined) this.#clock.done(submitted);
        // Frames come in presentation order: packets before this one that gave no frame never will.
        for (const timestamp of this.#inside.keys()) {
          if (timestamp <= frame.timestamp) this.#inside.delete(timestamp);
        }
        if (this.#stopped) {
          frame.close();
          return;
        }
        this.ready.push(ledger.own(frame));
        closed.notify();
      },
      error: (error) => {
        if (this.#decoder === decoder) this.#decoder = null;
        this.#inside.clear();
        this.#options.onDamage(error.message);
        closed.notify();
      },
    });
    decoder.configure(this.#config);
    decoder.ondequeue = () => closed.notify();
    return decoder;
  }

  /** Waits until every packet has given its frame, or the decoder has failed on it. */
  async #drain(): Promise<void> {
    const decoder = this.#decoder;
    if (!decoder) return;
    // A flush may only end when its frames have room: their consumer closes them while we wait here.
    await decoder.flush().catch(() => {});
    this.#close();
  }

  #close(): void {
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
  }

  /**
   * Feeds up to the limit, then not again until the last frame was taken: a decoder that gets several packets at a
   * time is woken less often, and pushes the encoder off its core less often. The encoder has frames of its own to go
   * on with meanwhile.
   */
  #mayFeed(): boolean {
    const { ledger } = this.#options;
    const held = this.#inside.size + ledger.open;
    if (held >= HIGH_WATER) this.#filling = false;
    else if (this.hungry && this.#inside.size === 0) this.#filling = true;
    if (this.#filling) return true;
    // A decoder that reorders, or works on several frames at a time, may hold what it has until it gets more.
    return this.hungry && (this.#decoder === null || this.#decoder.decodeQueueSize === 0);
  }
}

/** Rounded, where the packet's own conversion cuts off: 66666.67 µs is 66667. */
function toChunk({ type, timestamp, duration, data }: EncodedPacket): EncodedVideoChunk {
  return new EncodedVideoChunk({
    type,
    timestamp: Math.round(timestamp * 1e6),
    duration: Math.round(duration * 1e6),
    data: data as Uint8Array<ArrayBuffer>,
  });
}

/** Cores on which a decoder with several threads gets in the way of the encoder behind it. */
const FEW_CORES = 2;

/**
 * Hardware where there is any, whatever the browser has otherwise.
 * @throws {EdgeRunnerError} `input-codec`
 */
export async function chooseDecoder({
  name,
  config,
  encoded,
  cores,
}: Pick<DecodeOptions, 'name' | 'config' | 'encoded' | 'cores'>): Promise<VideoDecoderConfig> {
  // In software this means one thread: it keeps up, and the encoder's own threads wait less for each other.
  const oneThread = encoded && cores <= FEW_CORES;
  const preferences: VideoDecoderConfig[] = [
    { ...config, hardwareAcceleration: 'prefer-hardware' },
    { ...config, ...(oneThread && { optimizeForLatency: true }) },
  ];
  for (const wanted of preferences) {
    const { supported } = await VideoDecoder.isConfigSupported(wanted).catch(() => ({ supported: false }));
    if (supported) return wanted;
  }
  throw new EdgeRunnerError(
    'input-codec',
    `This browser cannot decode ${name}: its video is ${config.codec}.`,
    'Run "edge-runner doctor" for the codecs that work here, or convert the file to H.264, VP8, VP9 or AV1.',
  );
}
