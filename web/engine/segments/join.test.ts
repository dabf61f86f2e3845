import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ALL_FORMATS,
  BufferSource,
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  Mp4OutputFormat,
  Output,
  type StreamTargetChunk,
} from 'mediabunny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Container, Segment } from '../../../protocol/index.ts';
import type { SourceBytes } from '../host.ts';
import { MediaSource } from '../source/media-source.ts';
import { joinSegments } from './join.ts';

const ffmpeg = (...args: string[]) =>
  execFileSync('ffmpeg', ['-y', '-v', 'error', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

/** Every packet of a stream as ffprobe reads it: time in microseconds, and what is in it. */
function packetsOf(file: string, stream: 'v' | 'a') {
  const text = execFileSync('ffprobe', [
    ...['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=pts_time,data_hash'],
    ...['-show_data_hash', 'md5', '-of', 'csv=p=0', file],
  ]).toString();
  return (
    text
      .trim()
      .split('\n')
      // Side data comes on lines of its own.
      .filter((line) => line.includes('MD5:'))
      .map((line) => {
        const [time, hash] = line.split(',');
        return { time: Math.round(Number(time) * 1e6), hash };
      })
  );
}

/** The picture of a file in fragments that begin at `offset` seconds, as `runJob` writes those of a segment. */
async function fragment(from: string, to: string, offset: number): Promise<void> {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(readFileSync(from)) });
  const track = (await input.getPrimaryVideoTrack())!;
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'fragmented' }), target });
  const source = new EncodedVideoPacketSource('avc');
  output.addVideoTrack(source, { frameRate: 1e6 });
  await output.start();
  const decoderConfig = (await track.getDecoderConfig())!;
  for await (const packet of new EncodedPacketSink(track).packets()) {
    const timestamp = Math.round((packet.timestamp + offset) * 1e6) / 1e6;
    await source.add(packet.clone({ timestamp }), { decoderConfig });
  }
  await output.finalize();
  writeFileSync(to, new Uint8Array(target.buffer!));
}

/** What a decoder complains of; empty when it does not. */
const complaints = (file: string) =>
  execFileSync('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-'], { stdio: 'pipe' }).toString();

function bytesOf(file: string): SourceBytes {
  const buffer = new Uint8Array(readFileSync(file));
  return {
    source: new BufferSource(buffer),
    read: async (start, end) => buffer.subarray(start, end),
    size: async () => buffer.byteLength,
    loss: async () => null,
  };
}

describe('joining segments', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edge-runner-join-'));
    ffmpeg(
      ...['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=12', '-f', 'lavfi', '-i', 'sine=d=12'],
      ...['-c:v', 'libx264', '-bf', '0', '-g', '50', '-keyint_min', '50', '-sc_threshold', '0'],
      ...['-video_track_timescale', '1000000', '-c:a', 'aac', at('clip.mp4')],
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Parts of the clip as nodes make them: fragments, in the time of the whole. */
  async function cut(name: string, frames: readonly number[], encode: (part: number) => string[]) {
    const parts: string[] = [];
    const segments: Segment[] = [];
    let first = 0;
    for (const [ordinal, count] of frames.entries()) {
      const file = at(`${name}-${ordinal}.mp4`);
      ffmpeg(
        ...['-ss', `${first / 25}`, '-i', at('clip.mp4'), '-frames:v', `${count}`, '-an', ...encode(ordinal)],
        ...['-video_track_timescale', '1000000', at('part.mp4')],
      );
      await fragment(at('part.mp4'), file, first / 25);
      parts.push(file);
      segments.push({
        ...{ ordinal, firstFrame: first, frames: count },
        ...{ firstTime: first * 40_000, lastTime: (first + count - 1) * 40_000 },
        warmUp: { frame: first, time: first * 40_000 },
        fps: 25,
      });
      first += count;
    }
    return { parts, segments };
  }

  async function joinThem(
    { parts, segments }: Awaited<ReturnType<typeof cut>>,
    container: Container,
    name: string,
    sound = true,
  ) {
    const files = new Map<string, Uint8Array>();
    const said: string[] = [];
    const source = await MediaSource.open('clip.mp4', bytesOf(at('clip.mp4')));
    let frames = 0;
    try {
      await joinSegments({
        host: {
          log: (message) => said.push(message),
          createFile: async (_output, path) => {
            files.set(path, new Uint8Array());
            return new WritableStream<StreamTargetChunk>({
              write: ({ data, position }) => {
                const before = files.get(path)!;
                const grown = new Uint8Array(Math.max(before.byteLength, position + data.byteLength));
                grown.set(before);
                grown.set(data, position);
                files.set(path, grown);
              },
            });
          },
        },
        spec: { id: 'out', from: 'in', kind: 'video', name, container },
        segments,
        openPart: async ({ ordinal }) => bytesOf(parts[ordinal]!),
        sound: sound
          ? {
              from: { audio: source.audio!, audioPackets: (from) => source.audioPackets(from) },
              range: { start: 0, end: Number.POSITIVE_INFINITY },
            }
          : null,
        start: 0,
        onFrame: (done) => {
          frames = done;
        },
        signal: new AbortController().signal,
      });
    } finally {
      source.dispose();
    }
    for (const [path, data] of files) writeFileSync(at(path), data);
    return { said, frames };
  }

  const copy = () => ['-c', 'copy'];

  it.each([
    ['mp4', 'joined.mp4'],
    ['mkv', 'joined.mkv'],
    ['hls', 'joined.m3u8'],
  ] as const)(
    'makes one %s of them, with every packet of picture and sound as it was',
    async (container, name) => {
      const given = await cut(`copied-${container}`, [100, 50, 150], copy);
      const { frames } = await joinThem(given, container, name);
      expect(frames).toBe(300);
      const [before, after] = [packetsOf(at('clip.mp4'), 'v'), packetsOf(at(name), 'v')];
      expect(after.length).toBe(300);
      const half = container === 'mkv' ? 500 : 1;
      const from = after[0]!.time;
      for (const [i, { time }] of after.entries())
        expect(Math.abs(time - from - before[i]!.time)).toBeLessThanOrEqual(half);
      expect(packetsOf(at(name), 'a').map(({ hash }) => hash)).toEqual(
        packetsOf(at('clip.mp4'), 'a').map(({ hash }) => hash),
      );
      expect(complaints(at(name))).toBe('');
    },
  );

  it('puts the index of an MP4 at its front', async () => {
    await joinThem(await cut('front', [150, 150], copy), 'mp4', 'front.mp4');
    const text = readFileSync(at('front.mp4')).toString('latin1');
    expect(text.indexOf('moov')).toBeLessThan(text.indexOf('mdat'));
  });

  it('brings parameter sets along where encoders were unlike, and every decoder reads it', async () => {
    const profile = ['baseline', 'high', 'main'];
    const given = await cut('unlike', [100, 100, 100], (part) => [
      ...['-c:v', 'libx264', '-bf', '0', '-profile:v', profile[part]!, '-refs', `${part + 1}`],
    ]);
    const { said } = await joinThem(given, 'mp4', 'unlike.mp4');
    expect(said.join()).toContain('avc3');
    expect(packetsOf(at('unlike.mp4'), 'v').length).toBe(300);
    expect(complaints(at('unlike.mp4'))).toBe('');
    const frames = execFileSync('ffprobe', [
      ...['-v', 'error', '-select_streams', 'v', '-count_frames', '-show_entries'],
      ...['stream=nb_read_frames,codec_tag_string', '-of', 'csv=p=0', at('unlike.mp4')],
    ]).toString();
    expect(frames.trim()).toBe('avc3,300');
  });

  it.each([
    [
      'one frame short',
      (segment: Segment) => ({ ...segment, frames: segment.frames + 1 }),
      /99 frames|not 101|has 100/,
    ],
    ['late', (segment: Segment) => ({ ...segment, firstTime: segment.firstTime - 40_000 }), /begins at/],
    ['early to end', (segment: Segment) => ({ ...segment, lastTime: segment.lastTime + 40_000 }), /ends at/],
  ])('refuses a segment that is %s, and says which', async (what, planned, words) => {
    const given = await cut(`bad-${what.replaceAll(' ', '-')}`, [100, 100, 100], copy);
    given.segments[1] = planned(given.segments[1]!);
    const failed = await joinThem(given, 'mp4', 'bad.mp4').catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'segment-short', ordinal: 1 });
    expect((failed as Error).message).toMatch(words);
  });

  it('refuses one of another size', async () => {
    const given = await cut('size', [150, 150], (part) => [
      '-c:v',
      'libx264',
      '-bf',
      '0',
      '-s',
      part ? '160x90' : '320x180',
    ]);
    await expect(joinThem(given, 'mp4', 'size.mp4')).rejects.toMatchObject({
      code: 'segment-short',
      ordinal: 1,
    });
    expect(readdirSync(folder)).not.toContain('size.mp4');
  });
});
