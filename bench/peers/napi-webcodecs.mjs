/**
 * WebCodecs on FFmpeg in Node, as its readers would write it: the package's own demuxer and muxer, back-pressure by
 * the queues' `dequeue`. `node napi-webcodecs.mjs CLIP OUTPUT BITRATE` prints the number of frames it made.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Mp4Demuxer, Mp4Muxer, VideoDecoder, VideoEncoder } from '@napi-rs/webcodecs';

const [clip, output, bitrate] = process.argv.slice(2);
const QUEUE = 16;

let failure = null;
const error = (cause) => {
  failure ??= cause;
};

const demuxer = new Mp4Demuxer({ error });
await demuxer.load(clip);
const { codec, codedWidth: width, codedHeight: height, description } = demuxer.videoDecoderConfig;

const encoded = [];
const encoder = new VideoEncoder({ output: (chunk, metadata) => encoded.push({ chunk, metadata }), error });
encoder.configure({ codec: 'avc1.64001f', width, height, bitrate: Number(bitrate), framerate: 30 });

let made = 0;
const decoder = new VideoDecoder({
  output: (frame) => {
    encoder.encode(frame, { keyFrame: made++ % 64 === 0 });
    frame.close();
  },
  error,
});
decoder.configure({ codec, codedWidth: width, codedHeight: height, description });

const room = async (queue, size) => {
  while (size() > QUEUE && !failure) await once(queue, 'dequeue');
};
for await (const { videoChunk } of demuxer) {
  if (!videoChunk) continue;
  decoder.decode(videoChunk);
  await room(decoder, () => decoder.decodeQueueSize);
  await room(encoder, () => encoder.encodeQueueSize);
}
await decoder.flush();
await encoder.flush();
if (failure) throw failure;

const muxer = new Mp4Muxer({ fastStart: true });
muxer.addVideoTrack({
  codec: 'avc1.64001f',
  width,
  height,
  description: encoded[0].metadata?.decoderConfig?.description,
});
for (const { chunk, metadata } of encoded) muxer.addVideoChunk(chunk, metadata);
writeFileSync(output, await muxer.finalize());
console.log(encoded.length);
