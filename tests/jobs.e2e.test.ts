import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FromPage, SummaryEvent } from '../protocol/index.ts';
import { expectGoodFile, expectSameAudio, expectSamePictures, expectSameTimes } from './support/claims.ts';
import { Command, expectNothingLeft, expectRefusal, type Finished, succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { frames, packets } from './support/ffprobe.ts';
import { browserOf } from './support/leftovers.ts';
import { MediaServer, ranged, unranged } from './support/media-server.ts';
import { parseLines, readEvents, summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const SIZE = { width: 320, height: 180 };
const FPS = 25;
const FRAMES = 450;

describe.skipIf(!hasFfmpeg)(needsFfmpeg('run --jobs'), () => {
  const workspace = Workspace.use();
  const file = (name: string) => workspace.at(name);
  const lines = (name: string) => readFileSync(file(name), 'utf8').trim().split('\n');
  /** Something is worked at, so that packets are not just copied. */
  const ENCODED = ['--bitrate', '800k'];

  /** A run that leaves nothing, beside its output neither. */
  async function run(args: string[]): Promise<Finished> {
    const finished = await succeed(['run', ...args], { hung: 300_000 });
    expect(await workspace.parts()).toEqual([]);
    return finished;
  }

  beforeAll(async () => {
    await run([`pattern:320x180@${FPS}:${FRAMES}`, '-o', file('silent.mp4')]);
    ffmpeg([
      ...['-i', file('silent.mp4'), '-f', 'lavfi', '-i', `sine=d=${FRAMES / FPS}`],
      ...['-c:v', 'libx264', '-crf', '18', '-g', '12', '-bf', '2', '-video_track_timescale', '90000'],
      ...['-c:a', 'aac', '-shortest', file('clip.mp4')],
    ]);
  });

  it.each([
    { what: 'two jobs', options: ['--jobs', '2'], segments: 2 },
    { what: 'three jobs', options: ['--jobs', '3'], segments: 3 },
    { what: 'more segments than jobs', options: ['--jobs', '2', '--segment', '3s'], segments: 6 },
    { what: 'a part', options: ['--jobs', '2', '--start', '3.5', '--end', '14'], segments: 2 },
    { what: 'Matroska', options: ['--jobs', '2'], segments: 2, extension: '.mkv' },
  ])('makes what one job makes: $what', async ({ what, options, segments, extension = '.mp4' }) => {
    const [one, out] = [file(`one ${what}${extension}`), file(`out ${what}${extension}`)];
    const jobs = options.indexOf('--start') < 0 ? [] : options.slice(options.indexOf('--start'));
    const events = ['--events', file('events.ndjson')];
    await run([file('clip.mp4'), '-o', one, ...ENCODED, ...jobs]);
    const { stderr } = await run([file('clip.mp4'), '-o', out, ...ENCODED, ...options, ...events]);
    expect(stderr).toContain(`cut into ${segments} segments`);
    expect(frameNumbers(out, SIZE)).toEqual(frameNumbers(one, SIZE));
    const times = frames(one).map(({ time }) => time);
    const off = frames(out).map(({ time }, i) => Math.abs(time - times[i]!));
    expect(Math.max(...off), 'seconds').toBeLessThan(1e-6);
    expect(packets(out, 'a:0').map(({ time, md5 }) => [time, md5])).toEqual(
      packets(one, 'a:0').map(({ time, md5 }) => [time, md5]),
    );
    expectGoodFile(out);
    const { sources, frames: told, summaries } = readEvents(file('events.ndjson'));
    expect([sources.length, summaries.length]).toEqual([1, 1]);
    expect(told.map(({ frame }) => frame)).toEqual(frameNumbers(one, SIZE));
    expect(summaries[0]).toMatchObject({ frames: told.length, truncated: false });
  });

  it('writes a playlist of the whole', async () => {
    const out = await workspace.inFolder('out.m3u8');
    await run([file('clip.mp4'), '-o', out, ...ENCODED, '--jobs', '2']);
    expect(frameNumbers(out, SIZE)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
  });

  it('encodes sound that the container cannot hold over the whole', async () => {
    const [one, out] = [file('one.webm'), file('out.webm')];
    await run([file('clip.mp4'), '-o', one]);
    await run([file('clip.mp4'), '-o', out, '--jobs', '2']);
    expect(frameNumbers(out, SIZE)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
    expectSameAudio(one, out);
  });

  it('tells of one run, and its statistics are of all segments', async () => {
    const args = [file('clip.mp4'), '-o', file('told.mp4'), ...ENCODED, '--stats', file('stats.json')];
    const { stdout } = await run([...args, '--jobs', '2', '--segment', '3', '--json']);
    const said = parseLines<FromPage>(stdout);
    const progress = said.filter((line) => line.type === 'progress');
    const done = progress.map((line) => line.frames);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ source: 'in', frames: FRAMES, of: FRAMES });
    const encodes = said.filter((line) => line.type === 'log' && /^encoding /.test(line.message));
    expect(encodes).toHaveLength(1);
    expect(summaryOf(stdout)).toMatchObject({ frames: FRAMES, output: file('told.mp4') });
    const [{ summary }] = JSON.parse(readFileSync(file('stats.json'), 'utf8')) as [{ summary: SummaryEvent }];
    expect(summary.stages.encode!.count).toBe(FRAMES);
    expect(summary.openFrames.end).toBe(0);
  });

  it('finds what one job finds, bit for bit', async () => {
    const job = [file('clip.mp4'), '--detect', 'street-yolo', '--min-score', '0.05', '--backend', 'cpu'];
    await run([...job, '--events', file('whole.ndjson')]);
    await run([...job, '--events', file('cut.ndjson'), '--jobs', '2']);
    expect(lines('cut.ndjson').length).toBe(FRAMES + 2);
    expect(lines('cut.ndjson').slice(0, -1)).toEqual(lines('whole.ndjson').slice(0, -1));
  });

  describe('where people and cars are followed', () => {
    beforeAll(async () => {
      const size = ['--size', '320x192', '--fps', '20', '--seconds', '12'];
      await succeed(['street', '--seed', '5', ...size, '-o', file('street.mp4')], { hung: 300_000 });
      const zones = [
        {
          name: 'left',
          polygon: [
            [0, 0],
            [160, 0],
            [160, 192],
            [0, 192],
          ],
        },
        {
          name: 'middle',
          line: [
            [160, 0],
            [160, 192],
          ],
        },
      ];
      writeFileSync(file('zones.json'), JSON.stringify({ zones }));
    });

    it.each([
      ['tracked', ['--track']],
      ['counted', ['--every', '2', '--zones', 'zones.json']],
      ['drawn', ['--every', '7', '--zones', 'zones.json', '-o']],
      ['deep', ['--every', '3', '--depth', 'street-depth', '--depth-raw', 'maps', '-o']],
    ])('gives what one job gives: %s', async (name, options) => {
      const draws = options.at(-1) === '-o';
      const job = (where: string) => [
        ...[file('street.mp4'), '--detect', 'street-yolo', '--backend', 'cpu'],
        ...options.map((word) =>
          word === 'maps' ? file(`maps-${where}`) : word.replace(/^zones/, file('zones')),
        ),
        ...(draws ? [file(`${name}-${where}.mp4`)] : []),
        ...['--events', file(`${name}-${where}.ndjson`)],
      ];
      await run(job('whole'));
      await run([...job('cut'), '--jobs', '2', '--segment', '3']);
      const [whole, cut] = [lines(`${name}-whole.ndjson`), lines(`${name}-cut.ndjson`)];
      expect(cut.slice(0, -1)).toEqual(whole.slice(0, -1));
      const [summary, ours] = [whole, cut].map((all) => JSON.parse(all.at(-1)!) as SummaryEvent);
      expect([ours!.frames, ours!.zones]).toEqual([summary!.frames, summary!.zones]);
      if (options.includes('--depth-raw')) {
        const maps = readdirSync(file('maps-whole'));
        expect(readdirSync(file('maps-cut'))).toEqual(maps);
        for (const map of maps)
          expect(readFileSync(file(`maps-cut/${map}`)).equals(readFileSync(file(`maps-whole/${map}`)))).toBe(
            true,
          );
      }
      if (!draws) return;
      expectSameTimes(file(`${name}-whole.mp4`), file(`${name}-cut.mp4`));
      expectGoodFile(file(`${name}-cut.mp4`));
      expectSamePictures(file(`${name}-whole.mp4`), file(`${name}-cut.mp4`));
    });
  });

  describe('an address', () => {
    let server: MediaServer;
    beforeAll(async () => {
      server = await MediaServer.start();
    });
    afterAll(() => server?.stop());

    it.each([
      { what: 'with ranges', answers: ranged },
      { what: 'without ranges', answers: unranged },
    ])('$what is cut too', async ({ what, answers }) => {
      server.answers(answers(readFileSync(file('clip.mp4'))));
      const out = file(`url ${what}.mp4`);
      const { stderr } = await run([server.url(), '-o', out, ...ENCODED, '--jobs', '2']);
      expect(stderr).toContain('cut into 2 segments');
      expect(frameNumbers(out, SIZE)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
      expect(packets(out, 'a:0').length).toBe(packets(file('clip.mp4'), 'a:0').length);
    });
  });

  describe('carries out in one piece, and says why:', () => {
    beforeAll(() => {
      ffmpeg(['-i', file('clip.mp4'), '-t', '2', '-c', 'copy', file('short.mp4')]);
      ffmpeg([
        '-i',
        file('clip.mp4'),
        '-c:v',
        'libx264',
        '-g',
        '9999',
        '-sc_threshold',
        '0',
        file('one-key.mp4'),
      ]);
      const bytes = readFileSync(file('clip.mp4'));
      ffmpeg(['-i', file('clip.mp4'), '-c', 'copy', '-movflags', 'faststart', file('whole.mp4')]);
      writeFileSync(
        file('cut-off.mp4'),
        readFileSync(file('whole.mp4')).subarray(0, Math.floor(bytes.length * 0.7)),
      );
    });

    it.each([
      ['short.mp4', ENCODED, /it is short/],
      ['one-key.mp4', ENCODED, /one keyframe/],
      ['clip.mp4', [], /packets go into the output as they are/],
      ['clip.mp4', [...ENCODED, '--segment', 'whole'], /--segment whole/],
      ['clip.mp4', [...ENCODED, '--end', '4', '--realtime'], /its own pace/],
    ])('%s %j', async (name, options, why) => {
      const { stderr } = await run([file(name), '-o', workspace.output('.mp4'), ...options, '--jobs', '2']);
      expect(stderr).toMatch(/carried out in one piece: /);
      expect(stderr).toMatch(why);
    });

    it('what is drawn here', async () => {
      const { stderr } = await run(['pattern:320x180@25:50', '-o', workspace.output('.mp4'), '--jobs', '4']);
      expect(stderr).toMatch(/carried out in one piece: it is drawn/);
    });

    it('a clip that was cut off, of which it keeps what there is', async () => {
      const [one, out] = [workspace.output('.mp4'), workspace.output('.mp4')];
      await run([file('cut-off.mp4'), '-o', one, ...ENCODED]);
      const { stderr, stdout } = await run([
        file('cut-off.mp4'),
        '-o',
        out,
        ...ENCODED,
        '--jobs',
        '2',
        '--json',
      ]);
      expect(stdout + stderr).toMatch(/carried out in one piece: it is not whole/);
      expect(summaryOf(stdout)).toMatchObject({ truncated: true });
      expect(frameNumbers(out, SIZE)).toEqual(frameNumbers(one, SIZE));
    });

    it('a clip with a hole that shows only when it is decoded', async () => {
      const bytes = readFileSync(file('clip.mp4'));
      const [hole, length] = [Math.floor(bytes.length * 0.6), 6_000];
      writeFileSync(file('hole.mp4'), bytes.fill(0x55, hole, hole + length));
      const [one, out] = [workspace.output('.mp4'), workspace.output('.mp4')];
      const whole = summaryOf((await run([file('hole.mp4'), '-o', one, ...ENCODED, '--json'])).stdout);
      expect(whole.truncated).toBe(true);
      const { stdout } = await run([file('hole.mp4'), '-o', out, ...ENCODED, '--jobs', '2', '--json']);
      expect(stdout).toMatch(/carried out in one piece: Segment \d came out as/);
      const { frames, truncated, loss } = summaryOf(stdout);
      expect({ frames, truncated, loss }).toEqual({
        frames: whole.frames,
        truncated: true,
        loss: whole.loss,
      });
      expect(frameNumbers(out, SIZE)).toEqual(frameNumbers(one, SIZE));
      const strict = await (
        await Command.start([
          'run',
          file('hole.mp4'),
          '-o',
          file('strict.mp4'),
          ...ENCODED,
          '--jobs',
          '2',
          '--strict',
        ])
      ).ended;
      expectRefusal(strict, 1, 'input-truncated');
      await expectNoTrace(strict, file('strict.mp4'));
    });
  });

  /** Neither an output nor a part of one, nor a temporary file, nor a process. */
  async function expectNoTrace(finished: Finished, output: string): Promise<void> {
    expectNothingLeft(finished);
    expect(await workspace.has(output)).toBe(false);
    expect(await workspace.parts()).toEqual([]);
  }

  describe('what is stopped', () => {
    /** Long enough to be met in the middle. */
    const start = (output: string, ...options: string[]) =>
      Command.start(
        [
          ...['run', file('clip.mp4'), '-o', output, '--codec', 'vp9', '--size', '1280x720', '--json'],
          ...['--jobs', '2', ...options],
        ],
        { hung: 300_000 },
      );
    const framesDone = ({ stdout }: Command) =>
      Number(/.*"type":"progress".*?"frames":(\d+)/s.exec(stdout)?.[1] ?? 0);
    const restarted = ({ stdout }: Command) => /started again/.test(stdout);
    const kill = (command: Command) => {
      const pids = browserOf(command.tmp);
      expect(pids.length, 'browsers of the run').toBeGreaterThan(0);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
    };

    it.each(['SIGINT', 'SIGTERM'] as const)('by %s leaves nothing', async (signal) => {
      const output = workspace.output('.mp4');
      const command = await start(output);
      await command.until((running) => framesDone(running) > 20);
      expect(await workspace.parts(), 'what is being made').not.toEqual([]);
      command.child.kill(signal);
      const finished = await command.ended;
      expectRefusal(finished, 130, 'interrupted');
      await expectNoTrace(finished, output);
    });

    it('by the death of its browser goes on with what is missing', async () => {
      const output = workspace.output('.mp4');
      const command = await start(output, '--segment', '3');
      // Two of six segments are done.
      await command.until((running) => framesDone(running) > (FRAMES * 2) / 6 + 20);
      kill(command);
      const killedAt = framesDone(command);
      await command.until(restarted);
      const before = command.stdout.length;
      await command.until(({ stdout }) => /"type":"progress"/.test(stdout.slice(before)));
      const after = Number(/"frames":(\d+)/.exec(command.stdout.slice(before))?.[1]);
      expect(after, 'frames that need not be made again').toBeGreaterThan(FRAMES / 6);
      expect(killedAt).toBeGreaterThan(FRAMES / 6);
      const finished = await command.ended;
      expectNothingLeft(finished);
      expect(finished.code, finished.stderr).toBe(0);
      expect(await workspace.parts()).toEqual([]);
      expect(summaryOf(finished.stdout)).toMatchObject({ frames: FRAMES, truncated: false });
      expect(frameNumbers(output, { width: 1280, height: 720 })).toEqual(
        Array.from({ length: FRAMES }, (_, i) => i),
      );
    });

    it('by two deaths fails, and leaves nothing', async () => {
      const output = workspace.output('.mp4');
      const command = await start(output);
      await command.until((running) => framesDone(running) > 20);
      kill(command);
      await command.until(restarted);
      const before = command.stdout.length;
      await command.until(({ stdout }) => /"type":"progress"/.test(stdout.slice(before)));
      kill(command);
      const finished = await command.ended;
      expectRefusal(finished, 1, 'browser-died');
      await expectNoTrace(finished, output);
    });
  });
});
