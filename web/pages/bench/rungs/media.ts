import type { StreamTargetChunk } from 'mediabunny';
import type { Codec } from '../../../../protocol/index.ts';
import { frameOver } from '../../../engine/cpu/planes.ts';
import type { EngineHost } from '../../../engine/host.ts';
import { Meter } from '../../../engine/pipeline/meter.ts';
import { EncodePump } from '../../../engine/sink/encode.ts';
import { chooseEncoder } from '../../../engine/sink/encoder-config.ts';
import { MediaOutput, toMediabunnyCodec } from '../../../engine/sink/media-output.ts';
import { chooseDecoder } from '../../../engine/source/decode.ts';
import type { MediaSource } from '../../../engine/source/media-source.ts';
import { Count, repeat } from './count.ts';
import { framesOf, openMedia, packetsOf, somePlanes } from './open.ts';
import type { RungRequest, RungResult } from './request.ts';

/** Rungs that are the same on every backend: container and codec. */

/**
 * The best that a page can do with WebCodecs alone: callbacks, two counters, no mux, no streams, no promises; its codecs
 * are set up as ours are.
 */
export async function bare(request: RungRequest): Promise<RungResult> {
  const media = await openMedia(request);
  const chunks = (await packetsOf(media)).map((packet) => packet.toEncodedVideoChunk());
  const count = new Count(request);
  const config = await encoderFor(media, request);
  const decoding = await chooseDecoder({
    ...{ name: 'the clip', config: media.video.config, encoded: true },
    cores: navigator.hardwareConcurrency,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      let fed = 0;
      let made = 0;
      let open = 0;
      const stop = (end: () => void) => {
        for (const codec of [decoder, encoder]) if (codec.state !== 'closed') codec.close();
        end();
      };
      const encoder = new VideoEncoder({
        output: () => {
          if (count.tick()) stop(resolve);
        },
        error: (error) => stop(() => reject(error)),
      });
      const decoder = new VideoDecoder({
        output: (frame) => {
          open--;
          if (encoder.state === 'configured') encoder.encode(frame, { keyFrame: (made++ & 63) === 0 });
          frame.close();
          feed();
        },
        error: (error) => stop(() => reject(error)),
      });
      const feed = () => {
        while (decoder.state === 'configured' && open < 6 && encoder.encodeQueueSize < 6) {
          // The clip begins with a keyframe, so it may begin again where it ends.
          decoder.decode(chunks[fed++ % chunks.length]!);
          open++;
        }
      };
      encoder.ondequeue = feed;
      encoder.configure(config);
      decoder.configure(decoding);
      feed();
    });
  } finally {
    media.dispose();
  }
  return count.result();
}

export async function demux(request: RungRequest): Promise<RungResult> {
  const count = new Count(request);
  while (true) {
    const media = await openMedia(request);
    try {
      for await (const _ of media.videoPackets()) if (count.tick()) return count.result();
    } finally {
      media.dispose();
    }
  }
}

export async function decode(request: RungRequest): Promise<RungResult> {
  const media = await openMedia(request);
  const count = new Count(request);
  for await (const { frame, ledger } of framesOf(media, await packetsOf(media))) {
    ledger.close(frame);
    if (count.tick()) break;
  }
  media.dispose();
  return count.result();
}

/** New frames over planes that are there already, through the encoder. */
export async function encode(request: RungRequest): Promise<RungResult> {
  const media = await openMedia(request);
  const count = new Count(request);
  const pump = new EncodePump({
    settles: false,
    config: await encoderFor(media, request),
    meter: new Meter(),
    write: async () => {},
  });
  for await (const frame of madeFrames(media)) {
    await pump.encode(frame);
    frame.close();
    if (count.tick()) break;
  }
  pump.close();
  media.dispose();
  return count.result();
}

/** Packets that are there already into a file whose bytes nobody keeps. */
export async function mux(request: RungRequest): Promise<RungResult> {
  const media = await openMedia(request);
  const encoded: { chunk: EncodedVideoChunk; metadata: EncodedVideoChunkMetadata | undefined }[] = [];
  const pump = new EncodePump({
    settles: false,
    config: await encoderFor(media, request),
    meter: new Meter(),
    write: async (chunk, metadata) => {
      encoded.push({ chunk, metadata });
    },
  });
  const length = 60;
  for await (const frame of madeFrames(media)) {
    if (frame.timestamp >= (length * 1e6) / (media.video.fps ?? 30)) {
      frame.close();
      break;
    }
    await pump.encode(frame);
    frame.close();
  }
  await pump.finish();
  const spec = { id: 'out', from: 'in', kind: 'video', name: 'out.mp4', container: 'mp4' } as const;
  const output = new MediaOutput(
    { createFile: async () => new WritableStream<StreamTargetChunk>() } as Partial<EngineHost> as EngineHost,
    spec,
    {
      codec: toMediabunnyCodec(request.codec),
      rotation: 0,
      flip: false,
      pixelAspect: { num: 1, den: 1 },
      colorSpace: null,
      packets: null,
      fragments: false,
    },
    null,
  );
  await output.start();
  const clipLength = Math.max(...encoded.map(({ chunk }) => chunk.timestamp + (chunk.duration ?? 0)));
  const datas = encoded.map(({ chunk }) => {
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    return data;
  });
  let at = 0;
  const result = await repeat(request, () => {
    const turn = Math.floor(at / encoded.length);
    const { chunk, metadata } = encoded[at % encoded.length]!;
    const { type, timestamp, duration } = chunk;
    const later = new EncodedVideoChunk({
      type,
      timestamp: timestamp + turn * clipLength,
      ...(duration !== null && { duration }),
      data: datas[at % encoded.length]!,
    });
    at++;
    return output.addChunk(later, metadata);
  });
  await output.cancel();
  media.dispose();
  return result;
}

/** Frames without end, at the clip's pace, of planes that are there already. */
async function* madeFrames(media: MediaSource): AsyncGenerator<VideoFrame> {
  const { planes, like } = await somePlanes(media, 24);
  const fps = media.video.fps ?? 30;
  for (let i = 0; ; i++) {
    yield frameOver(planes[i % planes.length]!, {
      ...like,
      timestamp: Math.round((i * 1e6) / fps),
      duration: Math.round(1e6 / fps),
    });
  }
}

async function encoderFor(
  { video: { width, height, fps } }: MediaSource,
  { codec, bitrate }: { codec: Codec; bitrate: number },
): Promise<VideoEncoderConfig> {
  return (await chooseEncoder({ codec, width, height, fps: fps ?? 30, bitrate })).config;
}
