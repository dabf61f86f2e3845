import { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input, type InputTrack } from 'mediabunny';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { frameFacts } from './frame-facts.ts';
import type { MediaReport, TrackReport } from './report.ts';
import { SampleStats } from './sample-stats.ts';

/**
 * Looks into what is no ISO BMFF (Matroska, WebM, MPEG-TS, sound files), packet by packet, without their content.
 * @throws {EdgeRunnerError} `input-unreadable` when the container cannot be followed.
 */
export async function inspectOther(path: string): Promise<Pick<MediaReport, 'container' | 'tracks'>> {
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
  try {
    const format = await input.getFormat();
    const tracks: TrackReport[] = [];
    for (const track of await input.getTracks()) tracks.push(await reportTrack(track));
    return { container: CONTAINERS[format.name] ?? format.name.toLowerCase(), tracks };
  } catch (error) {
    throw new EdgeRunnerError(
      'input-unreadable',
      `${path} is damaged or of a kind that is not understood: ${(error as Error).message}.`,
      'Make the file again, or repair it: ffmpeg -i INPUT -c copy OUTPUT.mkv.',
      { cause: error },
    );
  } finally {
    input.dispose();
  }
}

const CONTAINERS: Record<string, string> = { 'MPEG Transport Stream': 'mpegts', WAVE: 'wav' };

async function reportTrack(track: InputTrack): Promise<TrackReport> {
  const { stats, start, end, timescale } = await readPackets(track);
  const duration = end - start;
  const common = {
    id: track.id,
    codec: (await track.getCodecParameterString()) ?? internalName(await track.getInternalCodecId()),
    language: await track.getLanguageCode(),
    start,
    duration,
    samples: stats.samples,
    bytes: stats.bytes,
    bitrate: duration > 0 ? Math.round((stats.bytes * 8) / duration) : null,
    edits: null,
  };
  if (track.isVideoTrack()) {
    const { num, den } = await track.getPixelAspectRatio();
    const { primaries, transfer, matrix, fullRange } = await track.getColorSpace();
    const named = primaries || transfer || matrix || typeof fullRange === 'boolean';
    return {
      kind: 'video',
      ...common,
      width: await track.getCodedWidth(),
      height: await track.getCodedHeight(),
      displayWidth: await track.getDisplayWidth(),
      displayHeight: await track.getDisplayHeight(),
      rotation: await track.getRotation(),
      flip: await track.getFlip(),
      pixelAspect: [num, den],
      color: named
        ? {
            primaries: primaries ?? 'unspecified',
            transfer: transfer ?? 'unspecified',
            matrix: matrix ?? 'unspecified',
            fullRange: fullRange ?? null,
          }
        : null,
      ...frameFacts(stats, timescale),
      fps: duration > 0 ? stats.samples / duration : null,
    };
  }
  if (track.isAudioTrack())
    return {
      kind: 'audio',
      ...common,
      sampleRate: await track.getSampleRate(),
      channels: await track.getNumberOfChannels(),
    };
  return { kind: 'other', ...common, handler: track.type };
}

/** These containers know when a packet is shown, not how long: durations are distances in presentation order. */
async function readPackets(
  track: InputTrack,
): Promise<{ stats: SampleStats; start: number; end: number; timescale: number }> {
  const timescale = await track.getTimeResolution();
  const packets: { time: number; duration: number; bytes: number; key: boolean }[] = [];
  const sink = new EncodedPacketSink(track);
  for await (const packet of sink.packets(undefined, undefined, { metadataOnly: true }))
    packets.push({
      time: packet.timestamp,
      duration: packet.duration,
      bytes: packet.byteLength,
      key: packet.type === 'key',
    });
  packets.sort((one, other) => one.time - other.time);
  const stats = new SampleStats();
  for (const [index, { time, duration, bytes, key }] of packets.entries()) {
    const lasts = index + 1 < packets.length ? packets[index + 1]!.time - time : duration;
    stats.add({ ticks: lasts * timescale, bytes, key });
  }
  const last = packets.at(-1);
  return { stats, start: packets[0]?.time ?? 0, end: last ? last.time + last.duration : 0, timescale };
}

const internalName = (id: string | number | Uint8Array | null): string | null =>
  id === null || id instanceof Uint8Array ? null : String(id);
