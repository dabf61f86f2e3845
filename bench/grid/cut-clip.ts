import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BufferSource,
  BufferTarget,
  type EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import { type JobSpec, type ProbeReport, parseJobSpec, type Segment } from '../../protocol/index.ts';
import type { EngineHost, SourceBytes } from '../../web/engine/host.ts';
import { probeJob } from '../../web/engine/segments/probe.ts';
import { MediaSource } from '../../web/engine/source/media-source.ts';
import { command } from '../measure/engine-run.ts';

/** Small: whoever works at it only pretends to. */
export const CLIP_SIZE = { width: 160, height: 90 };
const FPS = 10;
/** Of a segment; the engine's encoder sets a keyframe every two seconds. */
const SEGMENT_SECONDS = 2;

/** A clip of so many segments, how a node would cut it, and what a node would make of each. */
export interface CutClip {
  bytes: Buffer;
  plan: ProbeReport;
  /** MP4 fragments in the time of the whole, by the segment's ordinal. */
  parts: Buffer[];
}

/** The job whose segments these are. */
export const cutJob = (upload: string): JobSpec =>
  parseJobSpec({
    v: 1,
    sources: [{ id: 'in', kind: 'upload', upload, name: 'clip.mp4' }],
    outputs: [
      // A bitrate, so that it is encoded anew and not copied.
      { id: 'video', kind: 'video', from: 'in', name: 'out.mp4', container: 'mp4', bitrate: 100_000 },
      { id: 'events', kind: 'events', from: 'in' },
    ],
    placement: { backend: 'cpu' },
    segment: SEGMENT_SECONDS,
  });

/** Made by the command, cut by the engine; every frame carries its number as a bar code. */
export async function makeCutClip(folder: string, segments: number): Promise<CutClip> {
  const path = join(folder, `cut-${segments}.mp4`);
  // One more, so that the last segment is as long as it must be, from its first frame to its last.
  const frames = segments * SEGMENT_SECONDS * FPS + 1;
  const { width, height } = CLIP_SIZE;
  await command(['run', `pattern:${width}x${height}@${FPS}:${frames}`, '-o', path, '--backend', 'cpu']);
  const bytes = readFileSync(path);
  // Of all that a host does, what a look at a source asks for.
  const host = { openSource: async () => bytesOf(bytes), progress: () => {} };
  const plan = await probeJob(cutJob('not-yet-sent'), host as unknown as EngineHost, {
    segmentSeconds: SEGMENT_SECONDS,
    signal: new AbortController().signal,
  });
  if (plan.segments.length !== segments)
    throw new Error(`the clip was cut into ${plan.segments.length} segments, not ${segments}`);
  return { bytes, plan, parts: await partsOf(bytes, plan.segments) };
}

async function partsOf(bytes: Buffer, segments: readonly Segment[]): Promise<Buffer[]> {
  const media = await MediaSource.open('clip.mp4', bytesOf(bytes));
  try {
    const packets = segments.map((): EncodedPacket[] => []);
    let at = 0;
    for await (const packet of media.videoPackets()) {
      if (Math.round(packet.timestamp * 1e6) > segments[at]!.lastTime) at++;
      packets[at]!.push(packet);
    }
    return await Promise.all(packets.map((own) => fragments(own, media.video.config)));
  } finally {
    media.dispose();
  }
}

/** As the engine writes what it makes of a segment. */
async function fragments(
  packets: readonly EncodedPacket[],
  decoderConfig: VideoDecoderConfig,
): Promise<Buffer> {
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'fragmented' }), target });
  const track = new EncodedVideoPacketSource('avc');
  output.addVideoTrack(track, { frameRate: 1e6 });
  await output.start();
  for (const packet of packets) {
    const timestamp = Math.round(packet.timestamp * 1e6) / 1e6;
    await track.add(packet.clone({ timestamp }), { decoderConfig });
  }
  await output.finalize();
  return Buffer.from(target.buffer!);
}

const bytesOf = (bytes: Buffer): SourceBytes => ({
  source: new BufferSource(bytes),
  read: async (start, end) => bytes.subarray(start, end),
  size: async () => bytes.byteLength,
  loss: async () => null,
});
