import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobPage, NodeView } from '../protocol/index.ts';
import { startTestServer, type TestServer, UNHURRIED } from '../server/testing.ts';
import { expectSameAudio, expectSameTimes } from './support/claims.ts';
import { succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { complaintsAbout, ffmpeg } from './support/ffmpeg.ts';
import { packets } from './support/ffprobe.ts';
import { mediaPlaylists } from './support/hls.ts';
import { readIsobmff } from './support/isobmff.ts';
import { openBrowser } from './support/pages.ts';
import { expectPlays } from './support/playing.ts';
import { type Prepare, withTabs } from './support/tabs.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';

const SIZE = { width: 320, height: 180 };
const FPS = 25;
const FRAMES = 300;

describe.skipIf(!hasFfmpeg)(needsFfmpeg('what segments are joined into'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-joined-'));
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
      ...[
        '-c:v',
        'libx264',
        '-crf',
        '18',
        '-g',
        '25',
        '-bf',
        '2',
        '-c:a',
        'aac',
        '-shortest',
        file('clip.mp4'),
      ],
    ]);
    browser = await openBrowser(['--disable-gpu']);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const submit = (out: string, ...more: string[]) =>
    succeed(['submit', server.url, file('clip.mp4'), '-o', file(out), '--segment', '4s', ...more], {
      env,
      hung: 200_000,
    });
  const lastJob = async (): Promise<JobDetail> => {
    const { body } = await server.ask<JobPage>('GET', '/v1/jobs?limit=1');
    return (await server.ask<JobDetail>('GET', `/v1/jobs/${body.jobs[0]!.id}`)).body;
  };
  const kinds = ({ taskList }: JobDetail) => taskList.map(({ kind }) => kind);
  const counting = Array.from({ length: FRAMES }, (_, i) => i);

  it('is WebM, whose sound one node encodes for all of them', async () => {
    await succeed(['run', file('clip.mp4'), '-o', file('whole.webm')], { env });
    await withTabs(browser, server, 2, () => submit('out.webm'));
    expect(kinds(await lastJob())).toEqual(['probe', 'sound', 'process', 'process', 'process', 'stitch']);
    expect(frameNumbers(file('out.webm'), SIZE)).toEqual(counting);
    expectSameTimes(file('clip.mp4'), file('out.webm'));
    expectSameAudio(file('whole.webm'), file('out.webm'));
    expect(packets(file('out.webm'), 'a:0').length).toBeGreaterThan((FRAMES / FPS) * 49);
    expect(complaintsAbout(file('out.webm'))).toBe('');
    await expectPlays(browser, file('out.webm'), FRAMES);
  });

  it('is a part of the source, with its part of the sound', async () => {
    const part = ['--start', '1.5', '--end', '11.1'];
    await succeed(['run', file('clip.mp4'), '-o', file('whole-part.webm'), ...part], { env });
    await withTabs(browser, server, 1, () => submit('part.webm', ...part));
    expect(frameNumbers(file('part.webm'), SIZE)).toEqual(frameNumbers(file('whole-part.webm'), SIZE));
    expectSameTimes(file('whole-part.webm'), file('part.webm'));
    expectSameAudio(file('whole-part.webm'), file('part.webm'));
  });

  it('is Matroska', async () => {
    await withTabs(browser, server, 2, () => submit('out.mkv', '--bitrate', '800k'));
    expect(kinds(await lastJob())).toEqual(['probe', 'process', 'process', 'process', 'stitch']);
    expect(frameNumbers(file('out.mkv'), SIZE)).toEqual(counting);
    expectSameTimes(file('clip.mp4'), file('out.mkv'));
    expectSameAudio(file('clip.mp4'), file('out.mkv'));
    expect(complaintsAbout(file('out.mkv'))).toBe('');
  });

  it('is HLS', async () => {
    await withTabs(browser, server, 2, () => submit('out.m3u8', '--bitrate', '800k'));
    const [playlist] = mediaPlaylists(file('out.m3u8'));
    expect(playlist!.ended).toBe(true);
    expect(playlist!.segments.length).toBeGreaterThanOrEqual(5);
    expect(frameNumbers(file('out.m3u8'), SIZE)).toEqual(counting);
    expect(packets(file('out.m3u8'), 'a:0').map(({ md5 }) => md5)).toEqual(
      packets(file('clip.mp4'), 'a:0').map(({ md5 }) => md5),
    );
  });

  it('is one MP4 of unlike encoders where the job lets them write it together', async () => {
    const unlike: Prepare = async (context, index) => {
      if (index === 0) return;
      // An encoder of another kind: it takes the simplest profile, whatever is asked of it.
      await context.addInitScript({ content: `(${UNLIKE})(${JSON.stringify(UNLIKE)})` });
    };
    await withTabs(
      browser,
      server,
      2,
      () => submit('mixed.mp4', '--bitrate', '800k', '--encoder-class', 'any'),
      unlike,
    );
    const { body } = await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes');
    const classes = body.nodes.map(({ capabilities }) => capabilities?.encoderClasses.h264);
    expect(new Set(classes.slice(-2)).size).toBe(2);
    const [sample] = readIsobmff(file('mixed.mp4')).getInfo().videoTracks;
    expect(sample!.codec).toMatch(/^avc3\./);
    expect(frameNumbers(file('mixed.mp4'), SIZE)).toEqual(counting);
    expectSameTimes(file('clip.mp4'), file('mixed.mp4'));
    expect(complaintsAbout(file('mixed.mp4'))).toBe('');
    await expectPlays(browser, file('mixed.mp4'), FRAMES);
  });

  it('is written by encoders of one class where nothing else is said', async () => {
    await withTabs(browser, server, 2, () => submit('one.mp4', '--bitrate', '800k'));
    const [sample] = readIsobmff(file('one.mp4')).getInfo().videoTracks;
    expect(sample!.codec).toMatch(/^avc1\./);
  });
});

/** In a page, and in all workers below it: an encoder of H.264 that knows the simplest profile only. */
const UNLIKE = function unlike(source: string) {
  const { configure } = VideoEncoder.prototype;
  VideoEncoder.prototype.configure = function (config) {
    const codec = config.codec.replace(/^avc1\...../, 'avc1.4200');
    configure.call(this, { ...config, codec });
  };
  const Plain = self.Worker;
  self.Worker = class extends Plain {
    constructor(url: string | URL, options?: WorkerOptions) {
      const address = new URL(url, self.location.href).href;
      const script = `import ${JSON.stringify(address)};\n(${source})(${JSON.stringify(source)});`;
      super(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), options);
    }
  };
}.toString();
