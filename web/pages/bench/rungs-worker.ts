import { LetterboxCpu, labelOf, OverlayCpu } from '../../../kernels/index.ts';
import type { DetectModel } from '../../../models/descriptor.ts';
import { RUNNER_PATHS } from '../../../protocol/index.ts';
import { InferencePool, poolLayout } from '../../engine/cpu/inference-pool.ts';
import { copyPlanes, frameOver, likeOf } from '../../engine/cpu/planes.ts';
import type { LoadedModel } from '../../engine/host.ts';
import { FrameLedger } from '../../engine/pipeline/frame-ledger.ts';
import { Meter } from '../../engine/pipeline/meter.ts';
import { Signal } from '../../engine/pipeline/signal.ts';
import { EncodePump } from '../../engine/sink/encode.ts';
import { chooseEncoder } from '../../engine/sink/encoder-config.ts';
import { decodeFrames } from '../../engine/source/decode.ts';
import { MediaSource } from '../../engine/source/media-source.ts';
import { bytesOverHttp } from '../runner/http-bytes.ts';

/** `bare`: decode and encode with nothing of ours between. The others: one stage of the cpu backend alone. */
export type Rung = 'bare' | 'decode' | 'encode' | 'prepare' | 'infer' | 'draw';

export interface RungRequest {
  rung: Rung;
  token: string;
  origin: string;
  /** Frames to do after the warm-up. */
  frames: number;
  warmUp: number;
  bitrate: number;
  /** Registry name of the model, for `infer` and `prepare`. */
  model: string | null;
}

export interface RungResult {
  frames: number;
  seconds: number;
  /** When the counted frames began and ended, milliseconds since 1970: the bench reads the processor's time by them. */
  began: number;
  ended: number;
}

self.onmessage = async ({ data }: MessageEvent<RungRequest>) => {
  try {
    self.postMessage(await RUNGS[data.rung](data));
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) });
  }
};

const RUNGS: Record<Rung, (request: RungRequest) => Promise<RungResult>> = {
  bare,
  decode,
  encode,
  prepare,
  infer,
  draw,
};

/** Counts frames and takes the time of those after the warm-up. */
class Count {
  readonly #request: RungRequest;
  #done = 0;
  #began = 0;
  #ended = 0;

  constructor(request: RungRequest) {
    this.#request = request;
  }

  /** True once all are done. */
  tick(): boolean {
    const { warmUp, frames } = this.#request;
    if (this.#done++ === warmUp) this.#began = performance.timeOrigin + performance.now();
    if (this.#done === warmUp + frames + 1) this.#ended = performance.timeOrigin + performance.now();
    return this.#done > warmUp + frames;
  }

  result(): RungResult {
    const seconds = (this.#ended - this.#began) / 1000;
    return { frames: this.#request.frames, seconds, began: this.#began, ended: this.#ended };
  }
}

/** The best that a page can do with WebCodecs alone: callbacks, two counters, no mux, no streams, no promises. */
async function bare(request: RungRequest): Promise<RungResult> {
  const media = await openMedia(request);
  const chunks: EncodedVideoChunk[] = [];
  for await (const packet of media.videoPackets()) chunks.push(packet.toEncodedVideoChunk());
  const { width, height, fps, config } = media.video;
  const choice = await chooseEncoder({
    codec: 'h264',
    width,
    height,
    fps: fps ?? 30,
    bitrate: request.bitrate,
  });
  const count = new Count(request);
  return new Promise((resolve, reject) => {
    let next = 0;
    let open = 0;
    let written = 0;
    const encoder = new VideoEncoder({
      output: () => {
        if (written++ >= 0 && count.tick()) {
          resolve(count.result());
          decoder.close();
          encoder.close();
        }
      },
      error: reject,
    });
    encoder.configure(choice.config);
    const decoder = new VideoDecoder({
      output: (frame) => {
        encoder.encode(frame, { keyFrame: (next & 63) === 0 });
        frame.close();
        open--;
        feed();
      },
      error: reject,
    });
    decoder.configure(config);
    const feed = () => {
      if (decoder.state === 'closed') return;
      while (next < chunks.length && open < 6 && encoder.encodeQueueSize < 6) {
        decoder.decode(chunks[next++]!);
        open++;
      }
      if (next === chunks.length)
        decoder
          .flush()
          .then(() => encoder.flush())
          .catch(() => {});
    };
    encoder.ondequeue = feed;
    feed();
  });
}

async function decode(request: RungRequest): Promise<RungResult> {
  const count = new Count(request);
  for await (const { frame, ledger } of framesOf(request)) {
    ledger.close(frame);
    if (count.tick()) break;
  }
  return count.result();
}

/** New frames over planes that are there already, through the encoder. */
async function encode(request: RungRequest): Promise<RungResult> {
  const { planes, like, fps } = await somePlanes(request, 24);
  const { width, height } = planes[0]!.picture;
  const choice = await chooseEncoder({ codec: 'h264', width, height, fps, bitrate: request.bitrate });
  const count = new Count(request);
  const pump = new EncodePump({ config: choice.config, meter: new Meter(), write: async () => {} });
  for (let i = 0; !count.tick(); i++) {
    const { buffer, ...rest } = planes[i % planes.length]!;
    const copy = { ...rest, buffer: buffer.slice(0) };
    const frame = frameOver(copy, {
      ...like,
      timestamp: Math.round((i * 1e6) / fps),
      duration: Math.round(1e6 / fps),
    });
    await pump.encode(frame);
    frame.close();
  }
  pump.close();
  return count.result();
}

/** Planes out of a frame and letterboxed into a tensor. */
async function prepare(request: RungRequest): Promise<RungResult> {
  const { descriptor } = await loadModel(request);
  const { media, frame, ledger } = await firstFrame(request);
  const letterbox = new LetterboxCpu(descriptor.input.letterbox);
  const input = new Float32Array(3 * descriptor.input.width * descriptor.input.height);
  const count = new Count(request);
  while (!count.tick()) letterbox.run((await copyPlanes(frame)).picture, media.video.view, input);
  ledger.close(frame);
  return count.result();
}

async function infer(request: RungRequest): Promise<RungResult> {
  const { descriptor, bytes } = await loadModel(request);
  const { sessions, threads } = poolLayout(navigator.hardwareConcurrency);
  const pool = await InferencePool.load(sessions, {
    ort: { base: new URL(RUNNER_PATHS.ort, request.origin).href, threads },
    detect: { model: { descriptor, bytes }, minScore: 0.3, iou: 0.65, classMask: null },
    depth: null,
  });
  const count = new Count(request);
  let done = false;
  const loop = async () => {
    const { width, height } = descriptor.input;
    let inputs = [new Float32Array(3 * width * height).fill(114)];
    while (!done) {
      ({ inputs } = await pool.run({ inputs, detect: 0, depth: null }));
      done ||= count.tick();
    }
  };
  await Promise.all(Array.from({ length: sessions }, loop));
  pool.close();
  return count.result();
}

/** Eight boxes with labels into the planes. */
async function draw(request: RungRequest): Promise<RungResult> {
  const { planes } = await somePlanes(request, 1);
  const { picture } = planes[0]!;
  const overlay = new OverlayCpu(picture.width, picture.height);
  const items = Array.from({ length: 8 }, (_, i) => ({
    box: [30 * i, 20 * i, picture.width / 3, picture.height / 3] as const,
    classId: i,
    label: labelOf('person', 0.9),
  }));
  const count = new Count(request);
  while (!count.tick()) overlay.draw(picture, items);
  return count.result();
}

async function openMedia({ origin, token }: RungRequest): Promise<MediaSource> {
  const url = new URL(RUNNER_PATHS.source('in'), origin);
  const bytes = bytesOverHttp(url, { authorization: `Bearer ${token}` });
  return MediaSource.open('clip', { ...bytes, loss: async () => null });
}

async function loadModel({ origin, token, model }: RungRequest): Promise<LoadedModel<DetectModel>> {
  if (!model) throw new Error('this rung needs a model');
  const ask = (path: string) =>
    fetch(new URL(path, origin), { headers: { authorization: `Bearer ${token}` } });
  const descriptor = (await (await ask(RUNNER_PATHS.descriptor(model))).json()) as DetectModel;
  return { descriptor, bytes: await (await ask(RUNNER_PATHS.model(model))).arrayBuffer() };
}

async function* framesOf(request: RungRequest) {
  const media = await openMedia(request);
  const closed = new Signal();
  const ledger = new FrameLedger(() => closed.notify());
  const frames = decodeFrames(media.videoPackets(), {
    name: 'clip',
    config: media.video.config,
    ledger,
    closed,
    meter: new Meter(),
    signal: new AbortController().signal,
    onDamage: () => {},
  });
  for await (const frame of frames) yield { frame, ledger, media };
}

async function firstFrame(request: RungRequest) {
  for await (const { frame, ledger, media } of framesOf(request)) {
    // Leaving the loop closes what the decoder holds; this one is kept.
    const kept = ledger.own(frame.clone());
    ledger.close(frame);
    return { frame: kept, ledger, media };
  }
  throw new Error('the clip has no frame');
}

async function somePlanes(request: RungRequest, wanted: number) {
  const planes: Awaited<ReturnType<typeof copyPlanes>>[] = [];
  let like: ReturnType<typeof likeOf> | null = null;
  let fps = 30;
  for await (const { frame, ledger, media } of framesOf(request)) {
    planes.push(await copyPlanes(frame));
    like ??= likeOf(frame);
    fps = media.video.fps ?? fps;
    ledger.close(frame);
    if (planes.length === wanted) break;
  }
  if (!like) throw new Error('the clip has no frame');
  return { planes, like, fps };
}
