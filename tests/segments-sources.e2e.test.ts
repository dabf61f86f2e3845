import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobEvent, JobPage } from '../protocol/index.ts';
import { startTestServer, type TestServer, UNHURRIED } from '../server/testing.ts';
import { expectSameTimes } from './support/claims.ts';
import { succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { complaintsAbout, ffmpeg } from './support/ffmpeg.ts';
import { frames } from './support/ffprobe.ts';
import { openBrowser } from './support/pages.ts';
import { openTabs } from './support/tabs.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';

const SIZE = { width: 320, height: 180 };
const FRAMES = 300;

const X264 = ['-c:v', 'libx264', '-crf', '16'];

/** Containers and codecs as they come, made of one clip whose frames carry their numbers. */
const SOURCES: { what: string; name: string; args: string[]; whole?: RegExp }[] = [
  {
    // A decoder of H.264 begins with nothing but an IDR picture, and there is one.
    what: 'open groups of pictures',
    name: 'open.mp4',
    args: [...X264, '-x264-params', 'open-gop=1:keyint=25:bframes=3:scenecut=0'],
    whole: /keyframes? /,
  },
  {
    what: 'frames at uneven times',
    name: 'vfr.mp4',
    args: [...X264, '-g', '25', '-vf', "select='mod(n,7)*mod(n,11)'", '-fps_mode', 'vfr'],
  },
  {
    what: 'a start that is cut away by an edit list',
    name: 'edited.mp4',
    args: ['-ss', '1.28', '-c', 'copy'],
  },
  {
    what: 'fragments',
    name: 'fragments.mp4',
    args: [...X264, '-g', '25', '-movflags', 'frag_keyframe+empty_moov'],
  },
  { what: 'a transport stream', name: 'stream.ts', args: [...X264, '-g', '25', '-bf', '2'] },
  { what: 'Matroska', name: 'clip.mkv', args: [...X264, '-g', '25'] },
  {
    what: 'frames that are not shown',
    name: 'hidden.webm',
    args: ['-c:v', 'libvpx', '-b:v', '3M', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-g', '50'],
  },
  {
    what: 'VP9',
    name: 'vp9.webm',
    args: ['-c:v', 'libvpx-vp9', '-b:v', '3M', '-cpu-used', '8', '-deadline', 'realtime', '-g', '50'],
  },
  {
    what: 'one keyframe in all',
    name: 'one.mp4',
    args: [...X264, '-g', '9999', '-sc_threshold', '0'],
    whole: /one keyframe/,
  },
];

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a source that is cut'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-sources-'));
  const file = (name: string) => join(folder, name);
  let server: TestServer;
  let browser: Browser;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = await startTestServer({ intervals: UNHURRIED });
    env = { EDGE_RUNNER_TOKEN: server.admin, EDGE_RUNNER_CACHE: file('cache') };
    await succeed(['run', `pattern:320x180@25:${FRAMES}`, '-o', file('made.mp4'), '--quality', 'high'], {
      env,
    });
    ffmpeg(['-i', file('made.mp4'), ...X264, '-g', '50', '-bf', '2', file('pattern.mp4')]);
    browser = await openBrowser(['--disable-gpu']);
    await openTabs(browser, server, 2);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const lastJob = async (): Promise<JobDetail> => {
    const { body } = await server.ask<JobPage>('GET', '/v1/jobs?limit=1');
    return (await server.ask<JobDetail>('GET', `/v1/jobs/${body.jobs[0]!.id}`)).body;
  };
  const eventsOf = async (id: string) => {
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    return (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JobEvent);
  };

  it.each(SOURCES)('gives every frame once, at its time: $what', async ({ name, args, whole }) => {
    // Options before the input belong to it.
    const before = args[0] === '-ss' ? args.slice(0, 2) : [];
    ffmpeg([...before, '-i', file('pattern.mp4'), ...args.slice(before.length), file(name)]);
    const out = file(`${name}.out.mp4`);
    const wanted = frameNumbers(file(name), SIZE);
    expect(wanted.length).toBeGreaterThan(100);
    await succeed(
      [
        'submit',
        server.url,
        file(name),
        '-o',
        out,
        '--codec',
        'h264',
        '--quality',
        'high',
        '--segment',
        '3s',
      ],
      { env, hung: 200_000 },
    );
    const { id, taskList } = await lastJob();
    const cut = taskList.filter(({ segment }) => segment);
    if (whole) {
      expect(cut).toEqual([]);
      expect(JSON.stringify(await eventsOf(id))).toMatch(whole);
    } else expect(cut.length, 'segments').toBeGreaterThanOrEqual(2);
    expect(frameNumbers(out, SIZE)).toEqual(wanted);
    expect(frames(out).length).toBe(wanted.length);
    expectSameTimes(file(name), out);
    expect(complaintsAbout(out)).toBe('');
  });
});
