import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectGoodFile } from './support/claims.ts';
import { cut, H264, H264_PLAIN, makeClip, VP9 } from './support/clips.ts';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { complaintsAbout, ffmpeg } from './support/ffmpeg.ts';
import { frames } from './support/ffprobe.ts';
import { summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const PATTERN = 'pattern:320x180@30:30';

/** Runs it twice over: to an output, of which nothing may be left, and for events only. */
async function refused(input: string, exit: number, code: string, options = {}): Promise<void> {
  const output = workspace.output('.mp4');
  const finished = await edgeRunner(['run', input, '-o', output, '--quality', 'low'], options);
  expectRefusal(finished, exit, code);
  expect(finished.stdout).toBe('');
  expect(await workspace.has(output)).toBe(false);
  expect(await workspace.parts()).toEqual([]);
}

describe('an input that is no video is refused:', () => {
  const write = (name: string, bytes: string | Buffer) => {
    writeFileSync(workspace.at(name), bytes);
    return workspace.at(name);
  };

  it.each([
    { what: 'a missing file', make: () => workspace.at('gone.mp4'), code: 'input-missing' },
    { what: 'a file below a file', make: () => `${write('a', 'b')}/c.mp4`, code: 'input-missing' },
    { what: 'an empty file', make: () => write('empty.mp4', ''), code: 'input-empty' },
    { what: 'text', make: () => write('text.mp4', 'not a film\n'.repeat(99)), code: 'input-not-media' },
    { what: 'noise', make: () => write('noise.mp4', Buffer.alloc(9999, 7)), code: 'input-not-media' },
    {
      what: 'an index without end',
      make: () =>
        write(
          'box.mp4',
          Buffer.from('00000018667479706d703432000000006d70343269736f6dffffffff6d6f6f76', 'hex'),
        ),
      code: 'input-not-media',
    },
    { what: 'a text named as a picture', make: () => write('text.jpg', 'no face'), code: 'input-not-media' },
  ])('$what', async ({ make, code }) => {
    await refused(make(), 2, code);
  });

  it('a folder without media', async () => {
    mkdirSync(workspace.at('bare'));
    write('bare/readme.txt', 'nothing to see');
    expectRefusal(await edgeRunner(['run', workspace.at('bare'), '--events', '-']), 2, 'input-folder');
  });

  it('an empty pipe', async () => {
    expectRefusal(await edgeRunner(['run', '-', '-o', workspace.output('.mp4')]), 2, 'input-empty');
  });

  it('text through a pipe', async () => {
    const stdin = write('piped.txt', 'not a film\n'.repeat(99));
    await expect(edgeRunner(['run', '-', '--events', '-'], { stdin })).resolves.toMatchObject({ code: 2 });
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a medium without usable video is refused:'), () => {
  it.each(['sound.m4a', 'sound.wav', 'sound.mp3', 'sound.mkv'])('only sound: %s', async (name) => {
    ffmpeg(['-f', 'lavfi', '-i', 'sine=d=1', workspace.at(name)]);
    await refused(workspace.at(name), 2, 'input-no-video');
  });

  it('a codec that the browser does not decode', async () => {
    const path = workspace.at('mpeg4.mkv');
    ffmpeg(['-f', 'lavfi', '-i', 'testsrc=d=1:s=320x180', '-c:v', 'mpeg4', path]);
    await refused(path, 2, 'input-codec');
  });

  it('HEVC where the browser does not decode it', async () => {
    const path = workspace.at('hevc.mp4');
    ffmpeg([
      ...['-f', 'lavfi', '-i', 'testsrc=d=1:s=320x180', '-c:v', 'libx265', '-preset', 'ultrafast'],
      ...['-x265-params', 'log-level=none', '-pix_fmt', 'yuv420p', '-tag:v', 'hvc1', path],
    ]);
    const output = workspace.output('.mp4');
    const finished = await edgeRunner(['run', path, '-o', output, '--codec', 'h264']);
    if (finished.code !== 0) expectRefusal(finished, 2, 'input-codec');
    expect(await workspace.has(output)).toBe(finished.code === 0);
  });

  it('no frame at all', async () => {
    const whole = makeClip(workspace.at('fragments.mp4'), {
      audio: false,
      args: [...H264, '-movflags', 'frag_keyframe+empty_moov'],
    });
    const bytes = readFileSync(whole);
    const none = workspace.at('no-frames.mp4');
    writeFileSync(none, bytes.subarray(0, bytes.indexOf('moof') - 4));
    await refused(none, 2, 'input-no-frames');
  });

  it('an MP4 that was cut before its index', async () => {
    const whole = makeClip(workspace.at('index-last.mp4'), { args: H264 });
    await refused(cut(whole, workspace.at('no-index.mp4'), 0.8), 2, 'input-not-media');
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a file that was cut'), () => {
  const CUT = [
    { name: 'cut.mp4', args: [...H264_PLAIN, '-movflags', '+faststart'] },
    {
      name: 'cut-fragments.mp4',
      args: [...H264_PLAIN, '-g', '15', '-movflags', 'frag_keyframe+empty_moov'],
    },
    { name: 'cut-hybrid.mp4', args: [...H264_PLAIN, '-g', '15', '-movflags', 'frag_keyframe'] },
    { name: 'cut.mkv', args: H264_PLAIN },
    { name: 'cut.webm', args: VP9 },
  ];
  const make = (name: string, args: string[]) =>
    cut(makeClip(workspace.at(`whole-${name}`), { seconds: 4, args }), workspace.at(name), 0.5);

  it.each(CUT)('gives what is whole and names the loss: $name', async ({ name, args }) => {
    const source = make(name, args);
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', source, '-o', output, '--quality', 'low', '--json']);
    const summary = summaryOf(stdout);
    expect(summary).toMatchObject({ truncated: true, loss: expect.stringMatching(/.{10,}/) });
    expect(summary.frames).toBeGreaterThan(20);
    expect(summary.frames).toBeLessThan(118);
    expect(frames(output).length).toBe(summary.frames);
    expectGoodFile(output);
  });

  it.each(CUT)('fails with --strict: $name', async ({ name, args }) => {
    const source = make(name, args);
    const output = workspace.output('.mp4');
    const finished = await edgeRunner(['run', source, '-o', output, '--quality', 'low', '--strict']);
    expectRefusal(finished, 1, 'input-truncated');
    expect(await workspace.has(output)).toBe(false);
  });

  it('gives what is whole when its packets are copied', async () => {
    const source = make('copied.mp4', [...H264_PLAIN, '-movflags', '+faststart']);
    const output = workspace.output('.mkv');
    const { stdout } = await succeed(['run', source, '-o', output, '--json']);
    expect(summaryOf(stdout)).toMatchObject({ truncated: true });
    expect(frames(output).length).toBe(summaryOf(stdout).frames);
  });

  // A transport stream does not say how long it should be: a cut shows only inside one of its packets.
  it('gives what is whole and names the loss: cut.ts', async () => {
    const bytes = readFileSync(makeClip(workspace.at('whole.ts'), { seconds: 4, args: H264_PLAIN }));
    const source = workspace.at('cut.ts');
    writeFileSync(source, bytes.subarray(0, 188 * Math.floor(bytes.byteLength / 376) + 100));
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', source, '-o', output, '--quality', 'low', '--json']);
    expect(summaryOf(stdout)).toMatchObject({ truncated: true, loss: expect.stringContaining('100 bytes') });
    expect(summaryOf(stdout).frames).toBeGreaterThan(50);
    expect(frames(output).length).toBe(summaryOf(stdout).frames);
    expectGoodFile(output);
  });

  it('and one with a hole in the middle still gives a file that plays', async () => {
    const args = [...H264_PLAIN, '-g', '30'];
    const whole = makeClip(workspace.at('unharmed.mp4'), { seconds: 4, args, audio: false });
    const bytes = readFileSync(whole);
    bytes.fill(0xaa, Math.floor(bytes.byteLength * 0.4), Math.floor(bytes.byteLength * 0.45));
    const source = workspace.at('harmed.mp4');
    writeFileSync(source, bytes);
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', source, '-o', output, '--quality', 'low', '--json']);
    const { frames: done, truncated, loss } = summaryOf(stdout);
    expect(done).toBeGreaterThan(60);
    expect(truncated).toBe(true);
    expect(loss).toContain(`${120 - done} of 120 frames are lost`);
    expectGoodFile(output);
  });

  it('and one whose keyframes are gone goes on at the next that is whole', async () => {
    const args = [...H264_PLAIN, '-g', '15'];
    const whole = makeClip(workspace.at('keyed.mp4'), { seconds: 4, args, audio: false });
    const bytes = readFileSync(whole);
    bytes.fill(0xaa, Math.floor(bytes.byteLength * 0.3), Math.floor(bytes.byteLength * 0.55));
    const source = workspace.at('keyless.mp4');
    writeFileSync(source, bytes);
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', source, '-o', output, '--quality', 'low', '--json']);
    expect(summaryOf(stdout)).toMatchObject({
      truncated: true,
      loss: expect.stringMatching(/frames are lost/),
    });
    expect(summaryOf(stdout).frames).toBeGreaterThan(30);
    expect(frames(output).length).toBe(summaryOf(stdout).frames);
    expect(complaintsAbout(output)).toBe('');
  });

  it('and recordings put one behind the other give the first of them', async () => {
    const clip = (name: string, seconds: number) =>
      readFileSync(makeClip(workspace.at(name), { seconds, args: [...H264_PLAIN, '-g', '30'] }));
    const source = workspace.at('two.ts');
    writeFileSync(source, Buffer.concat([clip('one.ts', 3), clip('other.ts', 2)]));
    for (const how of [[], ['--quality', 'low'], ['--quality', 'low', '--jobs', '2']]) {
      const output = workspace.output('.mp4');
      const { stdout } = await succeed(['run', source, '-o', output, ...how, '--json']);
      expect(summaryOf(stdout)).toMatchObject({
        ...{ frames: 90, truncated: true },
        loss: expect.stringMatching(/damaged: its times go back after [23]\.\d s/),
      });
      expect(frames(output).length).toBe(90);
      expectGoodFile(output);
    }
  });

  it.each([
    // Found by its first packets, and none after them.
    ['whose packets end soon', 188 * 8],
    ['whose packets end at once', 188 * 3],
  ])('and a transport stream %s is refused for what it is', async (_what, until) => {
    const bytes = readFileSync(makeClip(workspace.at('sound.ts'), { seconds: 2, args: H264_PLAIN }));
    bytes.fill(0xaa, until);
    const source = workspace.at('noise.ts');
    writeFileSync(source, bytes);
    const finished = await edgeRunner(['run', source, '-o', workspace.output('.mp4'), '--quality', 'low']);
    expectRefusal(finished, finished.code === 1 ? 1 : 2, /^input-/);
  });

  it('and a transport stream with a hole gives what is before it', async () => {
    const bytes = readFileSync(
      makeClip(workspace.at('unharmed.ts'), { seconds: 4, args: [...H264_PLAIN, '-g', '30'] }),
    );
    bytes.fill(0xaa, Math.floor(bytes.byteLength * 0.6), Math.floor(bytes.byteLength * 0.65));
    const source = workspace.at('harmed.ts');
    writeFileSync(source, bytes);
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', source, '-o', output, '--quality', 'low', '--json']);
    expect(summaryOf(stdout)).toMatchObject({
      truncated: true,
      loss: expect.stringMatching(/damaged: nothing after [12]\.\d s could be read/),
    });
    expect(frames(output).length).toBe(summaryOf(stdout).frames);
    expect(summaryOf(stdout).frames).toBeGreaterThan(40);
    expectGoodFile(output);
  });
});

describe('an output that is an input is refused:', () => {
  let clip: string;
  let before: Buffer;
  beforeAll(async () => {
    clip = workspace.at('clip.mp4');
    await succeed(['run', PATTERN, '-o', clip]);
    before = readFileSync(clip);
    symlinkSync(clip, workspace.at('symbolic.mp4'));
    linkSync(clip, workspace.at('hard.mp4'));
  });

  it.each([
    ['its own name', 'clip.mp4'],
    ['another spelling', './../x/../clip.mp4'],
    ['a symbolic link', 'symbolic.mp4'],
    ['a hard link', 'hard.mp4'],
  ])('by %s', async (_how, name) => {
    const output = name.startsWith('.') ? `${workspace.path}/./clip.mp4` : workspace.at(name);
    const finished = await edgeRunner(['run', clip, '-o', output, '--quality', 'low']);
    expectRefusal(finished, 2, 'output-equals-input');
    expect(readFileSync(clip).equals(before)).toBe(true);
  });

  it.each(['--events', '--stats'])('as the file of %s', async (option) => {
    const finished = await edgeRunner(['run', clip, '-o', workspace.output('.mp4'), option, clip]);
    expectRefusal(finished, 2, 'output-equals-input');
    expect(readFileSync(clip).equals(before)).toBe(true);
  });

  it('in the folder that everything goes to', async () => {
    const finished = await edgeRunner(['run', clip, '-o', `${workspace.path}/`]);
    expectRefusal(finished, 2, 'output-equals-input');
    expect(readFileSync(clip).equals(before)).toBe(true);
  });
});

describe('a machine that lacks something', () => {
  it.each([
    { what: 'is not there', browser: '/nonexistent/chromium', code: 'no-browser' },
    { what: 'is no browser', browser: '/bin/false', code: 'browser-launch' },
  ])('is told so, with exit 3, when its browser $what', async ({ browser, code }) => {
    await refused(PATTERN, 3, code, { env: { EDGE_RUNNER_BROWSER: browser } });
  });

  it('has no GPU: --backend webgpu takes the software adapter, with a warning, or is refused', async () => {
    const output = workspace.output('.mp4');
    const events = workspace.output('.ndjson');
    const finished = await edgeRunner([
      ...['run', 'pattern:64x64@10:5', '-o', output, '--events', events, '--backend', 'webgpu'],
    ]);
    if (finished.code !== 0) return expectRefusal(finished, 3, 'no-gpu');
    const [source] = readFileSync(events, 'utf8').split('\n');
    expect(JSON.parse(source!)).toMatchObject({ type: 'source', backend: 'webgpu' });
    if (/software|swiftshader/i.test(source!)) expect(finished.stderr).toMatch(/warning: .*software/);
  });
});
