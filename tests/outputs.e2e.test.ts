import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectGoodFile } from './support/claims.ts';
import { H264, makeClip } from './support/clips.ts';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { frames, packets, videoStream } from './support/ffprobe.ts';
import { parseLines, readEvents, sortEvents, summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SIZE = { width: 320, height: 180 };
const PATTERN = 'pattern:320x180@30:60';
const counted = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A test pattern of 60 numbered frames in a file. */
let clip: string;
beforeAll(async () => {
  clip = workspace.at('numbered.mp4');
  await succeed(['run', PATTERN, '-o', clip, '--quality', 'high']);
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a part of a clip'), () => {
  it.each([
    { options: ['--start', '0.5', '--end', '1.2'], first: 15, last: 35 },
    { options: ['--start', '0:01'], first: 30, last: 59 },
    { options: ['--end', '0.5'], first: 0, last: 14 },
    // Between two frames: the first one that is not before it.
    { options: ['--start', '0.51', '--end', '0.52'], first: 16, last: 15 },
    { options: ['--start', '0.51', '--end', '0.54'], first: 16, last: 16 },
  ])('$options is cut to the frame, its times counted from its start', async ({ options, first, last }) => {
    const output = workspace.output('.mp4');
    const events = workspace.output('.ndjson');
    const args = ['run', clip, '-o', output, '--events', events, ...options];
    if (last < first) return expectRefusal(await edgeRunner(args), 2, 'input-no-frames');
    await succeed(args);
    expect(frameNumbers(output, SIZE)).toEqual(counted(first, last));
    const start = Number(options[options.indexOf('--start') + 1]?.replace('0:01', '1')) || 0;
    const from = options.includes('--start') ? start : 0;
    for (const [i, { time }] of frames(output).entries())
      expect(time).toBeCloseTo((first + i) / 30 - from, 5);
    // Events keep the numbers and times of the whole source.
    expect(readEvents(events).frames.map(({ frame }) => frame)).toEqual(counted(first, last));
    expect(readEvents(events).frames[0]!.time).toBeCloseTo(first / 30, 5);
  });

  it('that lies beyond the end is refused, with the length that there is', async () => {
    const finished = await edgeRunner(['run', clip, '-o', workspace.output('.mp4'), '--start', '100']);
    expectRefusal(finished, 2, 'input-no-frames');
    expect(finished.stderr).toMatch(/no frame from 100 s on: it is 2\.00 s long/);
  });

  it('can be a part of a test pattern', async () => {
    const output = workspace.output('.mp4');
    await succeed(['run', PATTERN, '-o', output, '--start', '0.5', '--end', '1.2', '--quality', 'high']);
    expect(frameNumbers(output, SIZE)).toEqual(counted(15, 35));
    expect(frames(output)[0]!.time).toBe(0);
  });

  it('has the sound of that part', async () => {
    const source = makeClip(workspace.at('with-sound.mp4'), { seconds: 3, args: H264 });
    const output = workspace.output('.mp4');
    await succeed(['run', source, '-o', output, '--start', '1', '--end', '2']);
    const sound = packets(output, 'a:0');
    expect(frames(output).length).toBe(30);
    expect(sound[0]!.time).toBeGreaterThanOrEqual(0);
    expect(sound[0]!.time).toBeLessThan(0.03);
    expect(sound.at(-1)!.time).toBeGreaterThan(0.95);
    expect(sound.at(-1)!.time).toBeLessThan(1);
    const all = packets(source, 'a:0').map(({ md5 }) => md5);
    const at = all.indexOf(sound[0]!.md5);
    expect(sound.map(({ md5 }) => md5)).toEqual(all.slice(at, at + sound.length));
    expectGoodFile(output);
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('the picture asked for'), () => {
  it('has the size of --size, every frame in place', async () => {
    const output = workspace.output('.mp4');
    await succeed(['run', clip, '-o', output, '--size', '640x360']);
    expect(videoStream(output)).toMatchObject({ width: 640, height: 360 });
    expect(frameNumbers(output, { width: 640, height: 360 })).toEqual(counted(0, 59));
    expectGoodFile(output);
  });

  it('has the bitrate that --quality chose and printed', async () => {
    const printed: number[] = [];
    const sizes: number[] = [];
    for (const quality of ['low', 'medium', 'high']) {
      const output = workspace.output('.mp4');
      const { stderr } = await succeed(['run', clip, '-o', output, '--quality', quality]);
      const rate = new RegExp(`at ([\\d.]+) Mbit/s, quality ${quality}`).exec(stderr)?.[1];
      expect(rate, stderr).toBeDefined();
      printed.push(Number(rate));
      sizes.push(packets(output, 'v:0').reduce((sum, { size }) => sum + size, 0));
    }
    expect(printed).toEqual(printed.toSorted((a, b) => a - b));
    expect(new Set(printed).size).toBe(3);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  });

  it('has the bitrate of --bitrate, to within a half', async () => {
    const noisy = makeClip(workspace.at('noisy.mp4'), {
      seconds: 3,
      audio: false,
      args: ['-vf', 'noise=alls=20:allf=t', ...H264],
    });
    const output = workspace.output('.mp4');
    const { stderr } = await succeed(['run', noisy, '-o', output, '--bitrate', '600k']);
    expect(stderr).toMatch(/at 0\.60 Mbit\/s/);
    const bits = packets(output, 'v:0').reduce((sum, { size }) => sum + size * 8, 0) / 3;
    expect(bits).toBeGreaterThan(300_000);
    expect(bits).toBeLessThan(900_000);
  });
});

describe('several inputs', () => {
  it('go into a folder that is made for them, each under its own name', async () => {
    copyFileSync(clip, workspace.at('a.mp4'));
    await succeed(['run', clip, '-o', workspace.at('b.webm')]);
    const folder = `${workspace.at('made')}/`;
    const { stderr } = await succeed([
      ...['run', workspace.at('a.mp4'), workspace.at('b.webm'), '-o', folder, '--quality', 'low'],
    ]);
    expect((await readdir(folder)).sort()).toEqual(['a.mp4', 'b.webm']);
    expect(stderr).toMatch(/^a\.mp4: 60 frames/m);
    expect(stderr).toMatch(/^b\.webm: 60 frames/m);
  });

  it('of a folder are all of its clips, and nothing else in it', async () => {
    const folder = workspace.at('clips');
    mkdirSync(folder);
    copyFileSync(clip, join(folder, 'one.mp4'));
    copyFileSync(clip, join(folder, 'two.mp4'));
    writeFileSync(join(folder, 'notes.txt'), 'no clip');
    const { stdout } = await succeed(['run', folder, '--events', '-', '-o', `${workspace.at('of-folder')}/`]);
    const { sources, frames: found, summaries } = sortEvents(parseLines(stdout));
    expect(sources.map(({ name }) => name)).toEqual(['one.mp4', 'two.mp4']);
    expect(new Set(sources.map(({ source }) => source)).size).toBe(2);
    expect(found.length).toBe(120);
    expect(summaries.length).toBe(2);
    expect((await readdir(workspace.at('of-folder'))).sort()).toEqual(['one.mp4', 'two.mp4']);
  });

  it('of which one is bad are done but for that one, and the run says so', async () => {
    const bad = workspace.at('bad.mp4');
    writeFileSync(bad, readFileSync(clip).subarray(0, 600));
    const folder = workspace.at('some');
    const finished = await edgeRunner(['run', bad, clip, '-o', `${folder}/`, '--quality', 'low']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toMatch(/1 of 2 inputs failed/);
    expect(finished.stderr).toContain('bad.mp4');
    expect(await readdir(folder)).toEqual(['numbered.mp4']);
  });

  it('of which some cannot even be read are done but for those', async () => {
    const text = workspace.at('text.mp4');
    writeFileSync(text, 'this is no video');
    const folder = workspace.at('readable');
    const args = ['run', clip, text, workspace.at('absent.mp4'), '-o', `${folder}/`, '--quality', 'low'];
    const finished = await edgeRunner(args);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toMatch(/2 of 3 inputs failed/);
    expect(finished.stderr).toContain('text.mp4');
    expect(finished.stderr).toContain('absent.mp4');
    expect(await readdir(folder)).toEqual(['numbered.mp4']);
  });

  it('that would be written to one file are refused', async () => {
    mkdirSync(workspace.at('twin'), { recursive: true });
    copyFileSync(clip, workspace.at('twin/numbered.mp4'));
    const finished = await edgeRunner([
      ...['run', clip, workspace.at('twin/numbered.mp4'), '-o', `${workspace.at('twins')}/`],
    ]);
    expectRefusal(finished, 2, 'usage');
  });
});

describe.skipIf(!hasFfmpeg)(needsFfmpeg('still pictures'), () => {
  it('come out as pictures of the same names, each with its line of events', async () => {
    const folder = workspace.at('stills');
    mkdirSync(folder);
    for (const [i, name] of ['1.jpg', '2.png', '3.jpg'].entries())
      ffmpeg([
        ...['-f', 'lavfi', '-i', `testsrc=size=${200 + 20 * i}x100`, '-frames:v', '1', join(folder, name)],
      ]);
    const out = workspace.at('stills-out');
    const { stdout } = await succeed(['run', folder, '-o', `${out}/`, '--events', '-']);
    const { frames: found, summaries } = sortEvents(parseLines(stdout));
    expect(found.map(({ file }) => file)).toEqual(['1.jpg', '2.png', '3.jpg']);
    expect(summaries).toMatchObject([{ frames: 3, openFrames: { end: 0 } }]);
    expect((await readdir(out)).sort()).toEqual(['1.jpg', '2.png', '3.jpg']);
    for (const [i, name] of ['1.jpg', '2.png', '3.jpg'].entries())
      expect(videoStream(join(out, name))).toMatchObject({ width: 200 + 20 * i, height: 100 });
  });
});

describe('what a run says', () => {
  const expectComplete = (events: ReturnType<typeof sortEvents>) => {
    expect(events.lines.map(({ type }) => type)).toEqual(['source', ...Array(60).fill('frame'), 'summary']);
    expect(events.sources[0]).toMatchObject({ v: 1, source: 'in', ...SIZE, frames: 60 });
    expect(events.sources[0]!.backendReason.length).toBeGreaterThan(5);
    expect(events.frames.map(({ frame }) => frame)).toEqual(counted(0, 59));
    for (const { frame, time } of events.frames) expect(time).toBeCloseTo(frame / 30, 5);
    expect(events.summaries[0]).toMatchObject({ frames: 60, truncated: false });
  };

  it('is a line of events for every frame, beside an output', async () => {
    const events = workspace.output('.ndjson');
    await succeed(['run', clip, '-o', workspace.output('.mp4'), '--events', events]);
    expectComplete(readEvents(events));
  });

  it('is a line of events for every frame, without an output', async () => {
    const { stdout } = await succeed(['run', clip, '--events', '-']);
    expectComplete(sortEvents(parseLines(stdout)));
  });

  it('is one JSON object a line with --json', async () => {
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', clip, '-o', output, '--size', '160x90', '--json']);
    const lines = parseLines<{ v: number; type: string; frames?: number }>(stdout);
    expect(lines.every(({ v }) => v === 1)).toBe(true);
    expect(new Set(lines.map(({ type }) => type))).toEqual(new Set(['log', 'progress', 'summary']));
    const progress = lines.filter(({ type }) => type === 'progress').map(({ frames: n }) => n!);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(summaryOf(stdout)).toMatchObject({ frames: 60, output });
  });

  it('is an error as a JSON line too with --json', async () => {
    const finished = await edgeRunner(['run', workspace.at('gone.mp4'), '-o', 'x.mp4', '--json']);
    expectRefusal(finished, 2, 'input-missing');
    expect(parseLines(finished.stdout)).toMatchObject([{ v: 1, type: 'error', code: 'input-missing' }]);
  });

  it('is in --stats how long each stage took, with every frame closed and never more than 8 open', async () => {
    const stats = workspace.output('.json');
    await succeed(['run', clip, '-o', workspace.output('.webm'), '--stats', stats]);
    const text = JSON.parse(readFileSync(stats, 'utf8')) as {
      summary: { frames: number; openFrames: { peak: number; end: number }; stages: Record<string, object> };
    }[];
    const { summary } = text[0]!;
    expect(summary.openFrames.end).toBe(0);
    expect(summary.openFrames.peak).toBeGreaterThan(0);
    expect(summary.openFrames.peak).toBeLessThanOrEqual(8);
    for (const stage of ['decode', 'encode', 'mux'])
      expect(summary.stages[stage], stage).toMatchObject({
        mean: expect.any(Number),
        p95: expect.any(Number),
      });
    expect(summary.stages.encode).toMatchObject({ count: 60, queueMax: expect.any(Number) });
  });

  it('comes at the pace of the clip with --realtime', async () => {
    const { stdout } = await succeed(['run', clip, '--events', '-', '--realtime']);
    const { summaries } = sortEvents(parseLines(stdout));
    expect(summaries[0]).toMatchObject({ frames: 60 });
    expect(summaries[0]!.seconds).toBeGreaterThan(59 / 30 - 0.05);
  });

  it('replaces an output that is there only once the new one is whole', async () => {
    const output = workspace.output('.mp4');
    writeFileSync(output, 'what was there before');
    const failed = await edgeRunner(['run', clip, '-o', output, '--codec', 'vp8']);
    expect(failed.code).toBe(2);
    expect(readFileSync(output, 'utf8')).toBe('what was there before');
    await succeed(['run', clip, '-o', output, '--codec', 'vp9']);
    expect(readFileSync(output).subarray(4, 8).toString()).toBe('ftyp');
    expect(await workspace.parts()).toEqual([]);
  });
});
