import { beforeAll, describe, expect, it } from 'vitest';
import { expectGoodFile, expectSamePictures, expectSameShape, expectSameTimes } from './support/claims.ts';
import { H264, makeClip, makeColors, turned, VP9 } from './support/clips.ts';
import { succeed } from './support/command.ts';
import { rawFrames } from './support/ffmpeg.ts';
import { displayedSize, videoStream } from './support/ffprobe.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SIZE = { width: 320, height: 180 };

describe.skipIf(!hasFfmpeg)(needsFfmpeg('the shape of a picture'), () => {
  let upright: string;
  beforeAll(() => {
    upright = makeClip(workspace.at('upright.mp4'), { seconds: 1 });
  });

  it.each([90, 180, 270] as const)('turned by %i° comes out turned, the right way up', async (degrees) => {
    const source = turned(upright, workspace.at(`turned-${degrees}.mp4`), degrees, SIZE);
    expect(displayedSize(source)).toEqual(degrees === 180 ? SIZE : { width: 180, height: 320 });
    const output = workspace.output('.mp4');
    await succeed(['run', source, '-o', output, '--bitrate', '1M']);
    expectSameShape(source, output);
    expectSamePictures(source, output);
    expectGoodFile(output);
  });

  it.each([
    ['.mp4', 'h264'],
    ['.webm', 'vp9'],
  ])('turned takes a --size as it is shown, in %s', async (to, codec) => {
    const source = turned(upright, workspace.at('to-size.mp4'), 90, SIZE);
    const output = workspace.output(to);
    await succeed(['run', source, '-o', output, '--codec', codec, '--bitrate', '1M', '--size', '90x160']);
    expect(displayedSize(output)).toEqual({ width: 90, height: 160 });
    expectSamePictures(source, output, 24);
    expectGoodFile(output);
  });

  it('turned comes out the right way up in a container that knows no rotation', async () => {
    const source = turned(upright, workspace.at('to-webm.mp4'), 90, SIZE);
    const output = workspace.output('.webm');
    await succeed(['run', source, '-o', output, '--bitrate', '1M']);
    expect(displayedSize(output)).toEqual(displayedSize(source));
    expectSamePictures(source, output);
  });

  it.each(['.mp4', '.mkv', '.webm'])('with pixels of 4:3 keeps its width on the screen in %s', async (to) => {
    const source = makeClip(workspace.at('wide-pixels.mp4'), {
      seconds: 1,
      args: ['-vf', 'setsar=4/3', ...H264],
    });
    expect(displayedSize(source)).toEqual({ width: 427, height: 180 });
    const output = workspace.output(to);
    await succeed(['run', source, '-o', output, '--bitrate', '1M']);
    expectSameShape(source, output);
    expectSamePictures(source, output);
    expectGoodFile(output);
  });

  it('of odd size is cropped by one pixel for H.264, which the log says', async () => {
    const source = makeClip(workspace.at('odd.webm'), { size: '853x479', seconds: 1, args: VP9 });
    const output = workspace.output('.mp4');
    const { stderr } = await succeed(['run', source, '-o', output, '--bitrate', '1M']);
    expect(videoStream(output)).toMatchObject({ width: 852, height: 478, codec_name: 'h264' });
    expect(stderr).toMatch(/cropped by one pixel from 853×479 to 852×478/);
    expectSameTimes(source, output);
    expectGoodFile(output);
  });

  it('of odd size is kept by VP9', async () => {
    const source = makeClip(workspace.at('odd-kept.webm'), { size: '853x479', seconds: 1, args: VP9 });
    const output = workspace.output('.webm');
    const { stderr } = await succeed(['run', source, '-o', output, '--bitrate', '1M']);
    expect(videoStream(output)).toMatchObject({ width: 853, height: 479, codec_name: 'vp9' });
    expect(stderr).not.toMatch(/crop/);
    expectSamePictures(source, output);
    expectGoodFile(output);
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('colours'), () => {
  const COLORS = ['0xC83C3C', '0x3CC83C', '0x3C3CC8', '0xC8B43C'];
  const WANTED = COLORS.map((color) => [2, 4, 6].map((at) => Number.parseInt(color.slice(at, at + 2), 16)));

  it.each([
    { to: '.mp4', codec: 'h264' },
    { to: '.mkv', codec: 'vp8' },
    { to: '.webm', codec: 'vp9' },
    { to: '.mp4', codec: 'av1' },
  ])(
    'of a small clip that does not name its matrix are those of BT.601 after $codec in $to',
    async ({ to, codec }) => {
      const source = makeColors(workspace.at('untagged.mp4'), COLORS, 'smpte170m', { tagged: false });
      expect(videoStream(source).color_space).toBeUndefined();
      const output = workspace.output(to);
      await succeed(['run', source, '-o', output, '--bitrate', '2M', '--codec', codec]);
      expectNear(middles(source), WANTED);
      expectNear(middles(output), WANTED);
    },
  );

  it.each([
    { matrix: 'bt709', to: '.mp4', codec: 'h264' },
    { matrix: 'smpte170m', to: '.mp4', codec: 'h264' },
    { matrix: 'bt709', to: '.webm', codec: 'vp9' },
    { matrix: 'smpte170m', to: '.webm', codec: 'vp9' },
    { matrix: 'smpte170m', to: '.mp4', codec: 'av1' },
  ] as const)('of a $matrix clip are the same after $codec in $to', async ({ matrix, to, codec }) => {
    const source = makeColors(workspace.at(`${matrix}.mp4`), COLORS, matrix);
    const output = workspace.output(to);
    await succeed(['run', source, '-o', output, '--bitrate', '2M', '--codec', codec]);
    expectNear(middles(source), WANTED);
    expectNear(middles(output), WANTED);
  });

  /** RGB in the middle of each stripe of the fifth frame, by the matrix that the file names. */
  function middles(path: string): number[][] {
    const [width, height] = [64 * COLORS.length, 180];
    const frame = rawFrames(path, { width, height, filter: 'scale=in_color_matrix=auto,format=gbrp' })[5]!;
    return COLORS.map((_, i) => {
      const at = ((height / 2) * width + 64 * i + 32) * 3;
      return [...frame.subarray(at, at + 3)];
    });
  }

  function expectNear(found: number[][], wanted: number[][]): void {
    const off = found.map((color, i) =>
      Math.max(...color.map((value, c) => Math.abs(value - wanted[i]![c]!))),
    );
    expect(Math.max(...off), `${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`).toBeLessThanOrEqual(
      4,
    );
  }
});
