import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobPage, SourceEvent, SummaryEvent } from '../protocol/index.ts';
import { startTestServer, type TestServer, UNHURRIED } from '../server/testing.ts';
import { expectNoSeams, expectSamePictures, expectSameTimes } from './support/claims.ts';
import { succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { complaintsAbout, ffmpeg } from './support/ffmpeg.ts';
import { packets } from './support/ffprobe.ts';
import { openBrowser } from './support/pages.ts';
import { expectPlays } from './support/playing.ts';
import { withTabs } from './support/tabs.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';

const SIZE = { width: 320, height: 180 };
const FPS = 25;
const FRAMES = 450;

describe('a video over many nodes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-segments-'));
  const file = (name: string) => join(folder, name);
  let server: TestServer;
  let browser: Browser;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = await startTestServer({ intervals: UNHURRIED });
    env = { EDGE_RUNNER_TOKEN: server.admin, EDGE_RUNNER_CACHE: file('cache') };
    await succeed(['run', `pattern:320x180@${FPS}:${FRAMES}`, '-o', file('silent.mp4')], { env });
    ffmpeg([
      ...['-i', file('silent.mp4'), '-f', 'lavfi', '-i', `sine=d=${FRAMES / FPS}`],
      // Frames that are shown in another order than they are decoded in, as most files have.
      ...['-c:v', 'libx264', '-crf', '18', '-g', '12', '-bf', '2', '-video_track_timescale', '90000'],
      ...['-c:a', 'aac', '-shortest', file('clip.mp4')],
    ]);
    if (hasFfmpeg)
      await succeed(['run', file('clip.mp4'), '-o', file('unsplit.mp4'), '--bitrate', '800k'], { env });
    browser = await openBrowser(['--disable-gpu']);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const withNodes = <T>(count: number, work: () => Promise<T>) => withTabs(browser, server, count, work);

  async function lastJob(): Promise<JobDetail> {
    const { body } = await server.ask<JobPage>('GET', '/v1/jobs?limit=1');
    return (await server.ask<JobDetail>('GET', `/v1/jobs/${body.jobs[0]!.id}`)).body;
  }

  it.skipIf(!hasFfmpeg).each([
    { nodes: 1, segment: '9s', segments: 2 },
    { nodes: 2, segment: '6s', segments: 3 },
    { nodes: 3, segment: '2.5s', segments: 7 },
  ])(needsFfmpeg('$segments segments on $nodes nodes'), async ({ nodes, segment, segments }) => {
    const out = file(`${segments}.mp4`);
    await withNodes(nodes, () =>
      succeed(
        ['submit', server.url, file('clip.mp4'), '-o', out, '--bitrate', '800k', '--segment', segment],
        {
          env,
          hung: 300_000,
        },
      ),
    );
    const { taskList, frames, of } = await lastJob();
    expect(taskList.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'probe done',
      ...Array(segments).fill('process done'),
      'stitch done',
    ]);
    expect([frames, of]).toEqual([FRAMES, FRAMES]);
    expect(frameNumbers(out, SIZE)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
    expectSameTimes(out, file('clip.mp4'));
    expect(packets(out, 'a:0').map(({ md5 }) => md5)).toEqual(
      packets(file('clip.mp4'), 'a:0').map(({ md5 }) => md5),
    );
    expect(complaintsAbout(out)).toBe('');
    const seams = taskList.flatMap(({ segment: cut }) => (cut && cut.ordinal > 0 ? [cut.firstFrame] : []));
    expect(seams).toHaveLength(segments - 1);
    expectNoSeams(file('clip.mp4'), { output: out, whole: file('unsplit.mp4') }, SIZE, seams);
    await expectPlays(browser, out, FRAMES);
  });

  it('finds in segments what it finds in the whole', async () => {
    const job = [file('clip.mp4'), '--detect', 'street-yolo', '--min-score', '0.05', '--backend', 'cpu'];
    await succeed(['run', ...job, '--events', file('whole.ndjson')], { env, hung: 300_000 });
    await withNodes(2, () =>
      succeed(['submit', server.url, ...job, '--events', file('cut.ndjson'), '--segment', '4s'], {
        env,
        hung: 300_000,
      }),
    );
    const lines = (name: string) => readFileSync(file(name), 'utf8').trim().split('\n');
    const [whole, cut] = [lines('whole.ndjson'), lines('cut.ndjson')];
    expect(cut.length).toBe(FRAMES + 2);
    expect(cut.slice(1, -1)).toEqual(whole.slice(1, -1));
    expect(JSON.parse(cut.at(-1)!)).toMatchObject({ type: 'summary', frames: FRAMES, truncated: false });
  });

  describe('in which people and cars are followed', () => {
    const frames = 240;
    const whole = (name: string) => file(`${name}-whole.ndjson`);
    const cut = (name: string) => file(`${name}-cut.ndjson`);
    const lines = (path: string) => readFileSync(path, 'utf8').trim().split('\n');

    beforeAll(async () => {
      const size = ['--size', '320x192', '--fps', '20', '--seconds', `${frames / 20}`];
      await succeed(
        ['street', '--seed', '5', ...size, '-o', file('street.mp4'), '--truth', file('truth.ndjson')],
        {
          env,
          hung: 300_000,
        },
      );
      writeFileSync(
        file('zones.json'),
        JSON.stringify({
          zones: [
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
          ],
        }),
      );
    });

    it.each([
      ['tracked', ['--track']],
      ['predicted', ['--every', '3']],
      ['counted', ['--zones', file('zones.json'), '--every', '2']],
      ['drawn', ['--track', '--every', '7', '-o']],
      ['deep', ['--every', '3', '--depth', 'street-depth', '--zones', file('zones.json'), '-o']],
    ])('gives what the whole gives: %s', async (name, options) => {
      const job = (where: string) => [
        ...[file('street.mp4'), '--detect', 'street-yolo', '--backend', 'cpu'],
        ...options,
        ...(options.at(-1) === '-o' ? [file(`${name}-${where}.mp4`)] : []),
      ];
      await succeed(['run', ...job('whole'), '--events', whole(name)], { env, hung: 300_000 });
      await withNodes(2, () =>
        succeed(['submit', server.url, ...job('cut'), '--events', cut(name), '--segment', '3s'], {
          env,
          hung: 300_000,
        }),
      );
      const tasks = (await lastJob()).taskList.map(({ kind }) => kind);
      expect(tasks.filter((kind) => kind === 'process')).toHaveLength(4);
      expect(tasks.filter((kind) => kind === 'render')).toHaveLength(options.at(-1) === '-o' ? 4 : 0);
      const [before, after] = [lines(whole(name)), lines(cut(name))];
      expect(after.slice(1, -1)).toEqual(before.slice(1, -1));
      const [summary, ours] = [before.at(-1)!, after.at(-1)!].map((line) => JSON.parse(line) as SummaryEvent);
      expect(ours!.frames).toBe(frames);
      expect(ours!.zones).toEqual(summary!.zones);
      const [said, saidHere] = [after[0]!, before[0]!].map((line) => JSON.parse(line) as SourceEvent);
      expect(said).toMatchObject({ models: saidHere!.models, width: 320, height: 192, frames });
      if (options.at(-1) !== '-o') return;
      expectSameTimes(file(`${name}-cut.mp4`), file('street.mp4'));
      expect(complaintsAbout(file(`${name}-cut.mp4`))).toBe('');
      // The same boxes and colours in the same places: what differs is what encoders lose anew after each keyframe.
      expectSamePictures(file(`${name}-whole.mp4`), file(`${name}-cut.mp4`), 28);
    });
  });
});
