import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectGoodFile, expectSameAudio, expectSamePictures, expectSameTimes } from './support/claims.ts';
import { H264, makeClip } from './support/clips.ts';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { ffmpeg } from './support/ffmpeg.ts';
import { frames, packets } from './support/ffprobe.ts';
import { chunked, MediaServer, ranged, status, unranged } from './support/media-server.ts';
import { summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const TRANSCODE = ['--bitrate', '1M'];

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a source that is no file'), () => {
  let server: MediaServer;
  let indexFirst: string;
  let indexLast: string;
  let fragmented: string;
  let stream: string;

  beforeAll(async () => {
    server = await MediaServer.start();
    const args = [...H264, '-b:v', '2M', '-g', '15'];
    indexLast = makeClip(workspace.at('last.mp4'), { args });
    const remux = (name: string, flags: string[]) => {
      ffmpeg(['-i', indexLast, '-c', 'copy', ...flags, workspace.at(name)]);
      return workspace.at(name);
    };
    indexFirst = remux('first.mp4', ['-movflags', '+faststart']);
    fragmented = remux('fragmented.mp4', ['-movflags', 'frag_keyframe+empty_moov']);
    stream = remux('stream.ts', []);
  });
  afterAll(() => server.stop());

  const expectWhole = (source: string, output: string) => {
    expectSameTimes(source, output);
    expectSamePictures(source, output);
    expectSameAudio(source, output);
    expectGoodFile(output);
  };

  /** What came through stands at the source's own times, from its first frame on, and there is a good deal of it. */
  const expectBeginning = (source: string, output: string, frameCount: number) => {
    const all = frames(source).map(({ time }) => time);
    const found = frames(output).map(({ time }) => time);
    expect(found.length).toBe(frameCount);
    expect(found.length).toBeLessThan(all.length);
    expect(found.length).toBeGreaterThan(all.length * 0.2);
    for (const [i, time] of found.entries()) expect(time).toBeCloseTo(all[i]!, 5);
    expectGoodFile(output);
  };

  it.each([
    { what: 'with ranges, its index first', clip: () => indexFirst, answer: ranged },
    { what: 'with ranges, its index last', clip: () => indexLast, answer: ranged },
    { what: 'without ranges, its index first', clip: () => indexFirst, answer: unranged },
    { what: 'without ranges, its index last', clip: () => indexLast, answer: unranged },
    { what: 'without ranges or length, in fragments', clip: () => fragmented, answer: chunked },
  ])('comes whole from an address $what', async ({ clip, answer }) => {
    const source = clip();
    server.answers(answer(readFileSync(source)));
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', server.url(), '-o', output, ...TRANSCODE, '--json']);
    expect(summaryOf(stdout).truncated).toBe(false);
    expectWhole(source, output);
  });

  it('comes whole after its server has broken off once', async () => {
    const bytes = readFileSync(indexFirst);
    const [broken, whole] = [ranged(bytes, Math.floor(bytes.byteLength / 2)), ranged(bytes)];
    let breaks = 0;
    server.answers((request, response) => {
      const open = !/^bytes=\d+-\d+$/.test(request.headers.range ?? '');
      if (open && breaks < 2) breaks++;
      (open && breaks <= 2 && server.requests.length < 4 ? broken : whole)(request, response);
    });
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', server.url(), '-o', output, ...TRANSCODE, '--json']);
    expect(breaks).toBeGreaterThan(0);
    expect(summaryOf(stdout).truncated).toBe(false);
    expectWhole(indexFirst, output);
  });

  it.each([
    { what: 'ranges', answer: ranged },
    { what: 'no ranges', answer: unranged },
  ])('cut halfway by a server with $what gives what is whole and names the loss', async ({ answer }) => {
    const bytes = readFileSync(indexFirst);
    server.answers(answer(bytes, Math.floor(bytes.byteLength / 2)));
    const output = workspace.output('.mp4');
    const { stdout } = await succeed(['run', server.url(), '-o', output, ...TRANSCODE, '--json']);
    const summary = summaryOf(stdout);
    expect(summary.truncated).toBe(true);
    expect(summary.loss).toMatch(/byte/);
    expectBeginning(indexFirst, output, summary.frames);
  });

  it('whose index lies beyond the cut is taken as far as it comes', async () => {
    const clip = makeClip(workspace.at('cues-last.mkv'), {
      seconds: 4,
      args: [...H264, '-b:v', '2M', '-g', '15'],
    });
    const bytes = readFileSync(clip);
    server.answers(ranged(bytes, Math.floor(bytes.byteLength / 2)));
    const output = workspace.output('.mkv');
    const { stdout } = await succeed(['run', server.url(), '-o', output, ...TRANSCODE, '--json']);
    expect(summaryOf(stdout)).toMatchObject({ truncated: true, loss: expect.stringMatching(/byte/) });
    expectBeginning(clip, output, summaryOf(stdout).frames);
  });

  it.each([
    { what: 'ranges', answer: ranged },
    { what: 'no ranges', answer: unranged },
  ])('cut halfway by a server with $what fails with --strict and leaves no output', async ({ answer }) => {
    const bytes = readFileSync(indexFirst);
    server.answers(answer(bytes, Math.floor(bytes.byteLength / 2)));
    const output = workspace.output('.mp4');
    const finished = await edgeRunner(['run', server.url(), '-o', output, ...TRANSCODE, '--strict']);
    expectRefusal(finished, 1, 'input-truncated');
    expect(await workspace.has(output)).toBe(false);
    expect(await workspace.parts()).toEqual([]);
  });

  it.each([
    { what: 'MP4 with its index last', clip: () => indexLast },
    { what: 'MP4 in fragments', clip: () => fragmented },
  ])('comes whole through a pipe: $what', async ({ clip }) => {
    const source = clip();
    const output = workspace.output('.mp4');
    await succeed(['run', '-', '-o', output, ...TRANSCODE], { stdin: source });
    expectWhole(source, output);
  });

  it('comes whole through a pipe: MPEG-TS', async () => {
    const output = workspace.output('.mp4');
    await succeed(['run', '-', '-o', output, ...TRANSCODE], { stdin: stream });
    expectSameTimes(stream, output);
    expectSamePictures(stream, output);
    expect(packets(output, 'a:0').map(({ md5 }) => md5)).toEqual(
      packets(indexLast, 'a:0').map(({ md5 }) => md5),
    );
    expectGoodFile(output);
  });

  it('is asked for with every header that was given', async () => {
    const bytes = readFileSync(indexFirst);
    server.answers((request, response) => {
      const { authorization, 'x-camera': camera } = request.headers;
      const known = authorization === 'Bearer of good news' && camera === 'north: 1';
      (known ? ranged(bytes) : status(401))(request, response);
    });
    const output = workspace.output('.mp4');
    await succeed([
      ...['run', server.url(), '-o', output],
      ...['--header', 'Authorization: Bearer of good news', '--header', 'X-Camera: north: 1'],
    ]);
    expectWhole(indexFirst, output);
  });

  it('is found behind a redirect', async () => {
    const bytes = readFileSync(indexFirst);
    server.answers((request, response) => {
      if (request.url === '/clip.mp4') response.writeHead(302, { location: '/elsewhere' }).end();
      else ranged(bytes)(request, response);
    });
    const output = workspace.output('.mp4');
    await succeed(['run', server.url(), '-o', output]);
    expectWhole(indexFirst, output);
  });
});

describe('an address that gives no video', () => {
  let server: MediaServer;
  beforeAll(async () => {
    server = await MediaServer.start();
  });
  afterAll(() => server.stop());

  const PAGE = '<!doctype html><title>Not here</title><p>Please sign in';

  it.each([
    { what: '404', answer: status(404, 'nothing here'), code: 'url-status' },
    { what: '403', answer: status(403), code: 'url-status' },
    { what: '500', answer: status(500), code: 'url-status' },
    { what: 'a page', answer: status(200, PAGE, 'text/html'), code: 'url-not-media' },
    { what: 'nothing', answer: status(200), code: 'input-empty' },
    {
      what: 'nothing and hangs up',
      answer: (request: { socket: { destroy(): void } }) => void request.socket.destroy(),
      code: 'url-unreachable',
    },
  ])('is refused when it answers $what', async ({ answer, code }) => {
    server.answers(answer);
    const output = workspace.output('.mp4');
    const finished = await edgeRunner(['run', server.url(), '-o', output]);
    expectRefusal(finished, 2, code);
    expect(finished.stderr).toContain(server.url());
    expect(await workspace.has(output)).toBe(false);
  });

  it('is refused when nobody listens', async () => {
    const gone = await MediaServer.start();
    const url = gone.url();
    await gone.stop();
    expectRefusal(await edgeRunner(['run', url, '-o', workspace.output('.mp4')]), 2, 'url-unreachable');
  });
});
