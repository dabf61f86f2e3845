import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { inspectCommand } from '../commands/inspect.ts';
import { humanReport } from './human.ts';
import { inspectFile } from './inspect-file.ts';
import type { AudioTrackReport, MediaReport, VideoTrackReport } from './report.ts';

const hasFfmpeg = ['ffmpeg', 'ffprobe'].every((tool) => spawnSync(tool, ['-version']).status === 0);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edge-runner-inspect-'));
});
afterAll(() => rm(folder, { recursive: true }));

const ffmpeg = (...words: string[]) =>
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...words], { cwd: folder });

/** Two seconds of a test picture, and of a tone where `sound` is given. */
const TEST_PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=2'];
const TONE = ['-f', 'lavfi', '-i', 'sine=sample_rate=44100:duration=2'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20', '-pix_fmt', 'yuv420p'];

interface Probed {
  codec_type: string;
  width: number;
  height: number;
  nb_read_packets: string;
  avg_frame_rate: string;
  keyframes: number;
  side_data_list: { rotation: number }[];
}

/** ffprobe's answer about the first video track, counted packet by packet. */
function probe(file: string): Probed {
  const words = ['-v', 'error', '-select_streams', 'v:0', '-of', 'json'];
  const json = (...more: string[]) =>
    JSON.parse(execFileSync('ffprobe', [...words, ...more, file], { cwd: folder, encoding: 'utf8' }));
  const stream = json('-count_packets', '-show_streams').streams[0];
  const { packets } = json('-show_entries', 'packet=flags');
  return {
    ...stream,
    keyframes: packets.filter((packet: { flags: string }) => packet.flags[0] === 'K').length,
  };
}

const inspect = (file: string) => inspectFile(join(folder, file));

const videoOf = (report: MediaReport) =>
  report.tracks.find((track): track is VideoTrackReport => track.kind === 'video')!;
const audioOf = (report: MediaReport) =>
  report.tracks.find((track): track is AudioTrackReport => track.kind === 'audio')!;

function agreeWithProbe(report: MediaReport, file: string): void {
  const probed = probe(file);
  const video = videoOf(report);
  expect(video).toMatchObject({ width: probed.width, height: probed.height });
  expect(video.samples).toBe(Number(probed.nb_read_packets));
  expect(video.keyframes.count).toBe(probed.keyframes);
}

describe.skipIf(!hasFfmpeg)('inspect agrees with ffprobe', () => {
  it('on an MP4 with its index last', async () => {
    ffmpeg(...TEST_PICTURE, ...TONE, ...H264, '-c:a', 'aac', 'last.mp4');
    const report = await inspect('last.mp4');
    agreeWithProbe(report, 'last.mp4');
    expect(report.layout).toEqual({ fastStart: false, fragmented: false, fragments: 0, truncated: false });
    expect(videoOf(report)).toMatchObject({
      codec: expect.stringMatching(/^avc1\.42/),
      duration: 2,
      fps: 25,
      variableFrameRate: false,
      keyframes: { count: 3, maxDistance: 20, maxSeconds: 0.8 },
      displayWidth: 320,
      displayHeight: 180,
      rotation: 0,
      pixelAspect: [1, 1],
    });
    expect(audioOf(report)).toMatchObject({ codec: 'mp4a.40.2', sampleRate: 44100, channels: 1 });
  });

  it('on an MP4 with its index first', async () => {
    ffmpeg(...TEST_PICTURE, ...H264, '-movflags', '+faststart', 'first.mp4');
    const report = await inspect('first.mp4');
    agreeWithProbe(report, 'first.mp4');
    expect(report.layout?.fastStart).toBe(true);
    expect(report.boxes?.map(({ type }) => type)).toEqual(['ftyp', 'moov', 'free', 'mdat']);
  });

  it('on a fragmented MP4', async () => {
    ffmpeg(...TEST_PICTURE, ...H264, '-movflags', 'frag_keyframe+empty_moov+default_base_moof', 'frag.mp4');
    const report = await inspect('frag.mp4');
    agreeWithProbe(report, 'frag.mp4');
    expect(report.layout).toMatchObject({ fragmented: true, fragments: 3, fastStart: true });
    expect(videoOf(report)).toMatchObject({ duration: 2, fps: 25, keyframes: { maxDistance: 20 } });
  });

  it.each(['90', '180', '270'])('on an MP4 turned by %s', async (angle) => {
    ffmpeg(...TEST_PICTURE, ...H264, 'upright.mp4');
    ffmpeg('-i', 'upright.mp4', '-c', 'copy', '-metadata:s:v', `rotate=${angle}`, 'turned.mp4');
    const video = videoOf(await inspect('turned.mp4'));
    // ffprobe counts against the clock.
    const counted = probe('turned.mp4').side_data_list[0]!.rotation;
    const sideways = angle !== '180';
    expect(video).toMatchObject({
      rotation: (360 - counted) % 360,
      flip: false,
      width: 320,
      displayWidth: sideways ? 180 : 320,
      displayHeight: sideways ? 320 : 180,
    });
  });

  it('on wide pixels and on colours', async () => {
    const colour = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709'];
    const range = ['-color_range', 'tv', '-movflags', '+write_colr'];
    ffmpeg(...TEST_PICTURE, '-vf', 'setsar=4/3', ...H264, ...colour, ...range, 'wide.mp4');
    expect(videoOf(await inspect('wide.mp4'))).toMatchObject({
      pixelAspect: [4, 3],
      displayWidth: 427,
      displayHeight: 180,
      color: { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false },
    });
  });

  it('on B-frames, which an edit list brings back to zero', async () => {
    ffmpeg(...TEST_PICTURE, '-c:v', 'libx264', '-bf', '2', '-g', '20', 'bframes.mp4');
    const report = await inspect('bframes.mp4');
    agreeWithProbe(report, 'bframes.mp4');
    expect(videoOf(report).edits).toEqual([{ duration: 2, mediaTime: 0.08, rate: 1 }]);
    expect(videoOf(report).start).toBeCloseTo(0);
  });

  it('on a variable frame rate', async () => {
    ffmpeg(...TEST_PICTURE, '-vf', "select='not(mod(n,7))+lt(n,20)'", '-vsync', 'vfr', ...H264, 'vfr.mp4');
    ffmpeg('-i', 'vfr.mp4', '-c', 'copy', 'vfr.mkv');
    for (const file of ['vfr.mp4', 'vfr.mkv']) {
      const report = await inspect(file);
      agreeWithProbe(report, file);
      expect(videoOf(report).variableFrameRate, file).toBe(true);
    }
  });

  it.each([
    ['clip.mkv', 'matroska', []],
    ['clip.ts', 'mpegts', []],
    ['clip.webm', 'webm', ['-c:v', 'libvpx', '-g', '20', '-c:a', 'libopus']],
  ])('on %s', async (file, container, codecs) => {
    const own = codecs.length > 0 ? codecs : [...H264, '-c:a', 'aac'];
    ffmpeg(...TEST_PICTURE, ...TONE, ...own, file);
    const report = await inspect(file);
    agreeWithProbe(report, file);
    expect(report).toMatchObject({ container, kind: 'video', layout: null, boxes: null });
    expect(videoOf(report).fps).toBeCloseTo(25, 1);
    expect(videoOf(report).variableFrameRate).toBe(false);
    expect(audioOf(report).channels).toBe(1);
  });

  it('on sound without compression, whose samples are not counted one by one', async () => {
    ffmpeg(...TONE, '-c:a', 'pcm_s16le', 'pcm.mov');
    const sound = audioOf(await inspect('pcm.mov'));
    expect(sound).toMatchObject({ samples: 88200, bytes: 176400, duration: 2, sampleRate: 44100 });
  });

  it('on a picture', async () => {
    ffmpeg(...TEST_PICTURE, '-frames:v', '1', 'picture.png');
    ffmpeg('-i', 'picture.png', 'picture.jpg');
    ffmpeg('-i', 'picture.png', 'picture.gif');
    ffmpeg('-i', 'picture.png', '-c:v', 'libwebp', 'picture.webp');
    for (const type of ['png', 'jpg', 'gif', 'webp'])
      expect(await inspect(`picture.${type}`), type).toMatchObject({
        kind: 'picture',
        picture: { width: 320, height: 180 },
      });
  });
});

describe.skipIf(!hasFfmpeg)('inspect', () => {
  it('says that a cut file is truncated, and what is left of it', async () => {
    ffmpeg(...TEST_PICTURE, ...H264, '-movflags', '+faststart', 'whole.mp4');
    await truncate(join(folder, 'whole.mp4'), 40_000);
    const report = await inspect('whole.mp4');
    expect(report.layout).toMatchObject({ truncated: true, fastStart: true });
    expect(videoOf(report).samples).toBe(50);
    expect(humanReport(report)).toContain('TRUNCATED');
  });

  it('says so when the index is missing altogether', async () => {
    ffmpeg(...TEST_PICTURE, ...H264, 'cut.mp4');
    await truncate(join(folder, 'cut.mp4'), 20_000);
    const report = await inspect('cut.mp4');
    expect(report).toMatchObject({ tracks: [], layout: { truncated: true }, duration: null });
  });

  it('refuses or survives a damaged index, and says nothing on the side', async () => {
    ffmpeg(...TEST_PICTURE, ...H264, '-movflags', '+faststart', 'sound.mp4');
    const path = join(folder, 'sound.mp4');
    const errors = vi.spyOn(console, 'error');
    const file = await open(path, 'r+');
    const moov = (await inspectFile(path)).boxes!.find(({ type }) => type === 'moov')!;
    for (let at = moov.start + 8; at < moov.start + moov.bytes; at += 5) {
      const before = (await file.read(new Uint8Array(1), 0, 1, at)).buffer;
      await file.write(Uint8Array.of(before[0]! ^ 0xff), 0, 1, at);
      await inspectFile(path).catch((error) => expect(error.code, `byte ${at}`).toBe('input-unreadable'));
      await file.write(before, 0, 1, at);
    }
    await file.close();
    expect(errors).not.toHaveBeenCalled();
  });

  it('prints aligned facts, a tree of boxes, or JSON', async () => {
    ffmpeg(...TEST_PICTURE, ...H264, 'print.mp4');
    const printed: string[] = [];
    const write = vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text) => printed.push(String(text)) > 0);
    try {
      const run = (...words: string[]) =>
        inspectCommand().parseAsync([join(folder, 'print.mp4'), ...words], { from: 'user' });
      await run('--boxes');
      await run('--json', '--boxes');
    } finally {
      write.mockRestore();
    }
    expect(printed.join('')).toMatch(/ {2}keyframes {2}3, at most 20 frames \(0.8 s\) apart/);
    expect(printed.join('')).toMatch(/\n {2}trak +\d+ +\d+\n/);
    const report = JSON.parse(printed.at(-1)!) as MediaReport;
    expect(JSON.stringify(report.boxes)).toContain('"avcC"');
  });

  it('refuses what is no media, with a code of its own for each way', async () => {
    await writeFile(join(folder, 'empty.mp4'), '');
    await writeFile(join(folder, 'text.mp4'), 'this is no film\n');
    await expect(inspect('absent.mp4')).rejects.toMatchObject({ code: 'input-missing' });
    await expect(inspect('.')).rejects.toMatchObject({ code: 'input-folder' });
    await expect(inspect('empty.mp4')).rejects.toMatchObject({ code: 'input-empty' });
    await expect(inspect('text.mp4')).rejects.toMatchObject({ code: 'input-not-media' });
  });
});
