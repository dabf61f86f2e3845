import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobPage } from '../protocol/index.ts';
import { startTestServer, type TestServer, UNHURRIED } from '../server/testing.ts';
import { expectSameAudio } from './support/claims.ts';
import { edgeRunner, succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { type Answer, MediaServer, ranged, status, unranged } from './support/media-server.ts';
import { openBrowser } from './support/pages.ts';
import { openTabs } from './support/tabs.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';

const SIZE = { width: 320, height: 180 };
const FPS = 25;
const FRAMES = 300;
const [KEY, SIGNATURE] = ['k3y-that-nobody-else-has', 'sIgnEd-f0r-us'];

describe.skipIf(!hasFfmpeg)(needsFfmpeg('the segments of an address'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-addresses-'));
  const file = (name: string) => join(folder, name);
  const logged: string[] = [];
  let server: TestServer;
  let origin: MediaServer;
  let browser: Browser;
  let env: Record<string, string>;
  let clip: Buffer;

  beforeAll(async () => {
    origin = await MediaServer.start();
    const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
    const options = { intervals: UNHURRIED, allowAddresses: [new URL(origin.url()).host] };
    server = await startTestServer(options, undefined, log);
    env = { EDGE_RUNNER_TOKEN: server.admin, EDGE_RUNNER_CACHE: file('cache') };
    await succeed(['run', `pattern:320x180@${FPS}:${FRAMES}`, '-o', file('silent.mp4')], { env });
    ffmpeg([
      ...['-i', file('silent.mp4'), '-f', 'lavfi', '-i', `sine=d=${FRAMES / FPS}`],
      ...['-c:v', 'libx264', '-crf', '18', '-g', '25', '-c:a', 'aac', '-shortest', file('clip.mp4')],
    ]);
    clip = readFileSync(file('clip.mp4'));
    browser = await openBrowser(['--disable-gpu']);
    await openTabs(browser, server, 2);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await origin?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const locked =
    (answer: Answer): Answer =>
    (request, response) => {
      const { searchParams } = new URL(request.url!, 'http://origin');
      const may = request.headers['x-key'] === KEY && searchParams.get('sig') === SIGNATURE;
      (may ? answer : status(403))(request, response);
    };
  const submit = (out: string) => [
    ...['submit', server.url, origin.url(`clip.mp4?sig=${SIGNATURE}`), '--header', `X-Key: ${KEY}`],
    ...['-o', file(out), '--bitrate', '800k', '--segment', '4s', '--json'],
  ];
  const lastJob = async (): Promise<JobDetail> => {
    const { body } = await server.ask<JobPage>('GET', '/v1/jobs?limit=1');
    return (await server.ask<JobDetail>('GET', `/v1/jobs/${body.jobs[0]!.id}`)).body;
  };
  const eventsOf = async (id: string) => {
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    return answer.text();
  };
  const expectNoSecret = (text: string) => {
    expect(text.length).toBeGreaterThan(0);
    for (const secret of [KEY, SIGNATURE]) expect(text).not.toContain(secret);
  };

  it('come from an origin that wants a key, which nobody else gets to see', async () => {
    origin.answers(locked(ranged(clip)));
    const { stdout, stderr } = await succeed(submit('out.mp4'), { env, hung: 200_000 });
    expect(frameNumbers(file('out.mp4'), SIZE)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
    expectSameAudio(file('clip.mp4'), file('out.mp4'));
    const job = await lastJob();
    expect(job.taskList.filter(({ segment }) => segment)).toHaveLength(3);
    for (const text of [stdout + stderr, JSON.stringify(job), await eventsOf(job.id), logged.join('')])
      expectNoSecret(text);
    const { body: others } = await server.ask<{ admin: { token: string } }>('POST', '/v1/tenants', {
      body: { name: 'others' },
    });
    const { token } = others.admin;
    expect((await server.ask('GET', `/v1/jobs/${job.id}`, { token })).status).toBe(404);
  });

  it('are refused, without a word of the key, where the origin refuses it in the midst', async () => {
    let answers = 0;
    const turning: Answer = (request, response) =>
      (++answers < 8 ? ranged(clip) : status(403, 'no more'))(request, response);
    origin.answers(locked(turning));
    const { code, stdout, stderr } = await edgeRunner(submit('refused.mp4'), { env, hung: 200_000 });
    expect(code).not.toBe(0);
    const job = await lastJob();
    expect(job.state).toBe('failed');
    for (const text of [stdout + stderr, JSON.stringify(job), await eventsOf(job.id), logged.join('')])
      expectNoSecret(text);
  });

  it('are read from a copy where the origin sends the file from its start only, which it does once', async () => {
    origin.answers(locked(unranged(clip)));
    await succeed(submit('unranged.mp4'), { env, hung: 100_000 });
    const job = await lastJob();
    expect(job.taskList.filter(({ segment }) => segment)).toHaveLength(3);
    expect(frameNumbers(file('unranged.mp4'), SIZE)).toHaveLength(FRAMES);
    expectSameAudio(file('clip.mp4'), file('unranged.mp4'));
    expect(origin.requests).toHaveLength(1);
  });
});
