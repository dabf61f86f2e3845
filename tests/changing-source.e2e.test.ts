import { appendFileSync, copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FromPage } from '../protocol/index.ts';
import { expectSamePictures } from './support/claims.ts';
import { H264, makeClip } from './support/clips.ts';
import { Command, expectNothingLeft, expectRefusal, type Finished } from './support/command.ts';
import { type Answer, MediaServer, ranged } from './support/media-server.ts';
import { parseLines } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

describe.skipIf(!hasFfmpeg)(needsFfmpeg('a source that another takes the place of while it is run'), () => {
  const workspace = Workspace.use();
  /** Something is worked at, and slowly enough to be met in the midst of it. */
  const SLOWLY = ['--quality', 'low', '--realtime'];
  const CUT = ['--quality', 'low', '--jobs', '2', '--segment', '2'];
  let clip: string;
  let other: string;
  beforeAll(() => {
    const args = [...H264, '-b:v', '3M', '-g', '15', '-movflags', '+faststart'];
    clip = makeClip(workspace.at('clip.mp4'), { seconds: 6, args });
    other = makeClip(workspace.at('other.mp4'), { seconds: 7, size: '320x192', args });
  });

  /** @param change made once the first frames are done. */
  async function run(source: string, output: string, args: string[], change: () => void): Promise<Finished> {
    const command = await Command.start(['run', source, '-o', output, ...args, '--json']);
    await command.until(({ stdout }) =>
      parseLines<FromPage>(stdout).some((line) => line.type === 'progress' && line.frames > 0),
    );
    change();
    const finished = await command.ended;
    expectNothingLeft(finished);
    expect(await workspace.parts()).toEqual([]);
    return finished;
  }

  describe('on this machine', () => {
    it.each([
      ['grows', SLOWLY, (path: string) => appendFileSync(path, readFileSync(other)), 'still being written'],
      ['grows, cut', CUT, (path: string) => appendFileSync(path, readFileSync(other)), 'still being written'],
      ['is written over', SLOWLY, (path: string) => writeFileSync(path, readFileSync(other)), ''],
      ['is cut off', CUT, (path: string) => writeFileSync(path, ''), 'changed while it was read'],
    ])('%s', async (_what, args, change, words) => {
      const [source, output] = [workspace.at('source.mp4'), workspace.output('.mp4')];
      copyFileSync(clip, source);
      const finished = await run(source, output, args, () => change(source));
      expectRefusal(finished, 1, 'source-changed');
      expect(finished.stderr).toContain(words);
      expect(await workspace.has(output)).toBe(false);
    });

    it.each([
      ['', SLOWLY],
      [', cut', CUT],
    ])('makes room for another, and is read to its end all the same%s', async (_what, args) => {
      const [source, output] = [workspace.at('source.mp4'), workspace.output('.mp4')];
      copyFileSync(clip, source);
      copyFileSync(other, workspace.at('next.mp4'));
      const finished = await run(source, output, args, () => renameSync(workspace.at('next.mp4'), source));
      expect(finished.code, finished.stderr).toBe(0);
      expectSamePictures(clip, output);
    });
  });

  describe('at an address', () => {
    let server: MediaServer;
    beforeAll(async () => {
      server = await MediaServer.start();
    });
    afterAll(() => server?.stop());

    const said =
      (name: string, value: string, answer: Answer): Answer =>
      (request, response) => {
        response.setHeader(name, value);
        answer(request, response);
      };
    /** The clip, but for one byte that nobody minds: its length tells nothing. */
    const alike = () => {
      const bytes = readFileSync(clip);
      bytes[bytes.byteLength - 1]! ^= 1;
      return bytes;
    };

    it.each([
      [
        'is longer',
        () => ranged(readFileSync(clip)),
        () => ranged(readFileSync(other)),
        'still being written',
      ],
      [
        'has another ETag',
        () => said('etag', '"1"', ranged(readFileSync(clip))),
        () => said('etag', '"2"', ranged(alike())),
        'changed while it was read',
      ],
      [
        'is of another time',
        () => said('last-modified', 'Sat, 21 Nov 2026 10:00:00 GMT', ranged(readFileSync(clip))),
        () => said('last-modified', 'Sun, 22 Nov 2026 10:00:00 GMT', ranged(alike())),
        'changed while it was read',
      ],
    ])('%s', async (_what, before, after, words) => {
      const output = workspace.output('.mp4');
      server.answers(before());
      const finished = await run(server.url(), output, CUT, () => server.answers(after()));
      expectRefusal(finished, 1, 'source-changed');
      expect(finished.stderr).toContain(words);
      expect(await workspace.has(output)).toBe(false);
    });
  });
});
