import { describe, expect, it } from 'vitest';
import {
  expectGoodFile,
  expectSameAudio,
  expectSamePictures,
  expectSameShape,
  expectSameTimes,
} from './support/claims.ts';
import { H264, H264_PLAIN, makeClip, VP9 } from './support/clips.ts';
import { succeed } from './support/command.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { frames, packets } from './support/ffprobe.ts';
import { summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const COUNTED = ['-bf', '2', '-g', '30'];

interface SourceClip {
  what: string;
  make(): string;
  /** Extension of the output; its container's tick is what times are held to. */
  to: string;
}

const clip = (name: string, args: string[]) => () => makeClip(workspace.at(name), { args });

const SOURCES: SourceClip[] = [
  { what: 'MP4 with its index at the end', make: clip('last.mp4', H264_PLAIN), to: '.mp4' },
  {
    what: 'MP4 with its index first',
    make: clip('first.mp4', [...H264_PLAIN, '-movflags', '+faststart']),
    to: '.mkv',
  },
  {
    what: 'fragmented MP4',
    make: clip('fragmented.mp4', [...H264_PLAIN, '-g', '15', '-movflags', 'frag_keyframe+empty_moov']),
    to: '.mp4',
  },
  {
    what: 'MP4 with one part in its index and the rest in fragments',
    make: clip('hybrid.mp4', [...H264_PLAIN, '-g', '15', '-movflags', 'frag_keyframe']),
    to: '.mp4',
  },
  { what: 'MOV', make: clip('plain.mov', H264), to: '.mp4' },
  { what: 'MKV', make: clip('plain.mkv', H264), to: '.mp4' },
  { what: 'WebM with VP9 and Opus', make: clip('plain.webm', VP9), to: '.webm' },
  { what: 'WebM with VP9 and Opus, to MP4,', make: clip('opus.webm', VP9), to: '.mp4' },
  { what: 'MP4 with B-frames', make: clip('b-frames.mp4', [...H264, ...COUNTED]), to: '.mp4' },
  {
    what: 'MP4 of variable frame rate',
    make: clip('vfr.mp4', [...H264, '-vf', "select='not(mod(n,3))+eq(mod(n,7),1)'", '-fps_mode', 'vfr']),
    to: '.mp4',
  },
  {
    what: 'MP4 of 29.97 frames a second',
    make: () => makeClip(workspace.at('ntsc.mp4'), { fps: 30000 / 1001, args: H264 }),
    to: '.mp4',
  },
  {
    what: 'MP4 whose edit list begins between keyframes',
    make() {
      const whole = makeClip(workspace.at('uncut.mp4'), { seconds: 3, args: [...H264, '-g', '90'] });
      const path = workspace.at('edited.mp4');
      ffmpeg(['-ss', '0.5', '-i', whole, '-c', 'copy', path]);
      expect(packets(path, 'v:0').length, 'some packets are cut away').toBeGreaterThan(frames(path).length);
      return path;
    },
    to: '.mp4',
  },
  {
    what: 'video of one frame',
    make: () => makeClip(workspace.at('one.mp4'), { audio: false, args: ['-frames:v', '1', ...H264] }),
    to: '.mp4',
  },
  {
    what: '10-bit VP9',
    make: clip('ten-bit.webm', [...VP9, '-pix_fmt', 'yuv420p10le', '-profile:v', '2']),
    to: '.mp4',
  },
  {
    what: '10-bit H.264',
    make: clip('ten-bit.mkv', [...H264, '-pix_fmt', 'yuv420p10le', '-profile:v', 'high10']),
    to: '.mp4',
  },
];

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a transcoded clip'), () => {
  it.each(SOURCES)('of $what keeps every frame, time and audio packet', async ({ make, to }) => {
    const source = make();
    const output = workspace.output(to);
    const { stdout } = await succeed(['run', source, '-o', output, '--bitrate', '1M', '--json']);
    expect(summaryOf(stdout)).toMatchObject({ frames: frames(source).length, truncated: false });
    expectSameTimes(source, output);
    expectSameShape(source, output);
    expectSamePictures(source, output);
    expectGoodFile(output);
    if (packets(source, 'a:0').length > 0) expectSameAudio(source, output);
    expect(await workspace.parts()).toEqual([]);
  });

  it('of MPEG-TS keeps every frame, time and audio packet, its times counted from its first sample', async () => {
    const source = makeClip(workspace.at('plain.ts'), { args: H264 });
    // The same packets without the headers that only a transport stream has.
    const bare = workspace.at('of-ts.mp4');
    ffmpeg(['-i', source, '-c', 'copy', '-bsf:a', 'aac_adtstoasc', bare]);
    const output = workspace.output('.mp4');
    await succeed(['run', source, '-o', output, '--bitrate', '1M']);
    expectSameTimes(source, output);
    expectSamePictures(source, output);
    expectGoodFile(output);
    expect(packets(output, 'a:0').map(({ md5 }) => md5)).toEqual(packets(bare, 'a:0').map(({ md5 }) => md5));
  });

  it('has keyframes at most two seconds apart though its source has one only', async () => {
    const source = makeClip(workspace.at('long-gop.mp4'), {
      seconds: 7,
      fps: 15,
      args: [...H264, '-g', '999', '-sc_threshold', '0'],
    });
    expect(packets(source, 'v:0').filter(({ key }) => key).length).toBe(1);
    for (const codec of ['h264', 'vp9', 'av1']) {
      const output = workspace.output('.mp4');
      await succeed(['run', source, '-o', output, '--bitrate', '500k', '--codec', codec]);
      expectGoodFile(output);
      expectSameTimes(source, output);
    }
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('packets that nothing asks to change'), () => {
  it.each([
    { from: 'b.mp4', args: H264, to: '.mp4' },
    { from: 'b.mp4', args: H264, to: '.mkv' },
    { from: 'c.mkv', args: H264, to: '.mp4' },
    { from: 'd.webm', args: VP9, to: '.webm' },
    { from: 'd.webm', args: VP9, to: '.mkv' },
  ])('are copied bit for bit from $from to $to', async ({ from, args, to }) => {
    const source = makeClip(workspace.at(`copy-${from}`), { args });
    const output = workspace.output(to);
    const { stderr } = await succeed(['run', source, '-o', output]);
    expect(stderr).toMatch(/copying the (avc|vp9) packets/);
    expect(packets(output, 'v:0').map(({ md5 }) => md5)).toEqual(
      packets(source, 'v:0').map(({ md5 }) => md5),
    );
    expectSameTimes(source, output);
    expectSameAudio(source, output);
    expectSameShape(source, output);
    expectGoodFile(output);
  });
});
