import { readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectGoodFile, expectSameTimes } from './support/claims.ts';
import { H264, makeClip } from './support/clips.ts';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { complaintsAbout } from './support/ffmpeg.ts';
import { audioStream, frames, packets, videoStream } from './support/ffprobe.ts';
import { mediaPlaylists } from './support/hls.ts';
import { videoSamples } from './support/isobmff.ts';
import { summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SIZE = { width: 320, height: 180 };
const FRAMES = 45;
const PATTERN = `pattern:320x180@30:${FRAMES}`;
const counted = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const NAMES: Record<string, string> = { h264: 'h264', vp8: 'vp8', vp9: 'vp9', av1: 'av1' };

describe('a container', () => {
  const ALLOWED = [
    ...['h264', 'vp9', 'av1'].map((codec) => ({ to: '.mp4', codec })),
    ...['vp8', 'vp9', 'av1'].map((codec) => ({ to: '.webm', codec })),
    ...['h264', 'vp8', 'vp9', 'av1'].map((codec) => ({ to: '.mkv', codec })),
    ...['h264', 'vp9', 'av1'].map((codec) => ({ to: '.m3u8', codec })),
  ];

  it.skipIf(!hasFfmpeg).each(ALLOWED)(needsFfmpeg('$to holds $codec'), async ({ to, codec }) => {
    const output = to === '.m3u8' ? await workspace.inFolder(`${codec}.m3u8`) : workspace.output(to);
    await succeed(['run', PATTERN, '-o', output, '--codec', codec, '--quality', 'high']);
    expect(videoStream(output)).toMatchObject({ codec_name: NAMES[codec], ...SIZE });
    expect(frameNumbers(output, SIZE)).toEqual(counted(0, FRAMES - 1));
    if (to !== '.m3u8') expectGoodFile(output);
    else expect(complaintsAbout(output)).toBe('');
  });

  it('mp4 has every frame at its microsecond, by a parser that is not the writer', async () => {
    const output = workspace.output('.mp4');
    await succeed(['run', PATTERN, '-o', output]);
    const samples = videoSamples(output);
    expect(samples.map(({ time }) => Math.round(time * 1e9) / 1e9)).toEqual(
      counted(0, FRAMES - 1).map((i) => Math.round((i / 30) * 1e6) / 1e6),
    );
    expect(samples[0]!.key).toBe(true);
  });

  it.each([
    { to: '.webm', codec: 'h264' },
    { to: '.webm', codec: 'hevc' },
    { to: '.mp4', codec: 'vp8' },
    { to: '.m3u8', codec: 'vp8' },
  ])('$to refuses $codec', async ({ to, codec }) => {
    const output = workspace.output(to);
    const finished = await edgeRunner(['run', PATTERN, '-o', output, '--codec', codec]);
    expectRefusal(finished, 2, 'output-container');
    expect(await workspace.has(output)).toBe(false);
  });

  it('mp4 holds HEVC where the browser encodes it, and is refused where it does not', async () => {
    const output = workspace.output('.mp4');
    const finished = await edgeRunner(['run', PATTERN, '-o', output, '--codec', 'hevc']);
    if (finished.code !== 0) expectRefusal(finished, 2, 'encoder-unsupported');
    expect(await workspace.has(output)).toBe(finished.code === 0);
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('an HLS playlist'), () => {
  let source: string;
  let master: string;
  beforeAll(async () => {
    source = makeClip(workspace.at('five-seconds.mp4'), { seconds: 5, args: H264 });
    master = await workspace.inFolder('street.m3u8');
    await succeed(['run', source, '-o', master, '--bitrate', '800k']);
  });

  it('plays whole, with picture and sound', () => {
    expect(complaintsAbout(master)).toBe('');
    expect(frames(master).length).toBe(frames(source).length);
    expect(audioStream(master)).toMatchObject({ codec_name: 'aac' });
    expect(packets(master, 'a:0').length).toBe(packets(source, 'a:0').length);
  });

  it('names segments that are there, each beginning with a keyframe', () => {
    const playlists = mediaPlaylists(master);
    expect(playlists.length).toBeGreaterThan(0);
    for (const { init, segments, targetDuration, ended } of playlists) {
      expect(ended).toBe(true);
      expect(segments.length).toBeGreaterThanOrEqual(2);
      for (const { path, seconds } of segments) {
        expect(Math.round(seconds)).toBeLessThanOrEqual(targetDuration);
        const alone = workspace.output('.mp4');
        writeFileSync(alone, Buffer.concat([readFileSync(init), readFileSync(path)]));
        expect(packets(alone, 'v:0')[0]?.key ?? true, `${path} begins with a keyframe`).toBe(true);
      }
    }
    const [video] = playlists;
    const seconds = video!.segments.reduce((sum, segment) => sum + segment.seconds, 0);
    expect(seconds).toBeCloseTo(5, 1);
  });

  it('says a frame rate that is one, or none', () => {
    const said = /FRAME-RATE=([\d.]+)/.exec(readFileSync(master, 'utf8'))?.[1];
    if (said !== undefined) expect(Number(said)).toBeCloseTo(30, 0);
  });

  it('shares a folder with another one', async () => {
    const other = master.replace('street', 'square');
    await succeed(['run', PATTERN, '-o', other]);
    expect(frames(master).length).toBe(150);
    expect(frames(other).length).toBe(FRAMES);
    const names = await readdir(dirname(master));
    expect(names.filter((name) => !/^(street|square)/.test(name))).toEqual([]);
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('sound that a container cannot hold'), () => {
  it('is transcoded to Opus, as long as before, and the log says so', async () => {
    const source = makeClip(workspace.at('aac.mp4'), { seconds: 3, args: H264 });
    const output = workspace.output('.webm');
    const { stderr } = await succeed(['run', source, '-o', output, '--bitrate', '500k']);
    expect(stderr).toMatch(/audio is transcoded from aac to opus/);
    expect(audioStream(output)).toMatchObject({ codec_name: 'opus' });
    const last = packets(output, 'a:0').at(-1)!;
    expect(last.time).toBeGreaterThan(2.9);
    expect(last.time).toBeLessThan(3.1);
    expectSameTimes(source, output);
    expectGoodFile(output);
  });

  it('is transcoded to its end where only its first part stands in the index', async () => {
    const args = [...H264, '-bf', '0', '-g', '15', '-movflags', 'frag_keyframe'];
    const source = makeClip(workspace.at('hybrid.mp4'), { seconds: 3, args });
    const output = workspace.output('.webm');
    await succeed(['run', source, '-o', output, '--bitrate', '500k']);
    expectSoundTo(output, 3);
  });

  it('is transcoded to the last whole block of a file that came cut through a pipe', async () => {
    const whole = makeClip(workspace.at('whole.mkv'), {
      seconds: 4,
      args: [...H264, '-bf', '0', '-g', '30'],
    });
    const source = workspace.at('cut.mkv');
    const bytes = readFileSync(whole);
    writeFileSync(source, bytes.subarray(0, Math.floor(bytes.byteLength * 0.6)));
    const output = workspace.output('.webm');
    const { stdout } = await succeed(['run', '-', '-o', output, '--bitrate', '500k', '--json'], {
      stdin: source,
    });
    expect(summaryOf(stdout)).toMatchObject({ truncated: true });
    expectSoundTo(output, packets(source, 'a:0').at(-1)!.time);
  });
});

/** Sound without a gap up to `end` seconds. */
function expectSoundTo(output: string, end: number): void {
  const times = packets(output, 'a:0').map(({ time }) => time);
  for (const [i, time] of times.slice(1).entries()) expect(time - times[i]!).toBeLessThan(0.03);
  expect(Math.abs(times.at(-1)! - end)).toBeLessThan(0.1);
}
