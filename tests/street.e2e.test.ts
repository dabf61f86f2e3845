import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FrameEvent } from '../protocol/index.ts';
import { expectGoodFile } from './support/claims.ts';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { rawFrames } from './support/ffmpeg.ts';
import { frames, videoStream } from './support/ffprobe.ts';
import { readEvents } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SMALL = ['--size', '320x180', '--seconds', '0.5', '--fps', '20'];

describe('a clip of the street', () => {
  it.skipIf(!hasFfmpeg)(needsFfmpeg('is a good file of the size, pace and length asked for'), async () => {
    const output = workspace.output('.mp4');
    const truth = workspace.output('.ndjson');
    await succeed(['street', '--seed', '6', ...SMALL, '-o', output, '--truth', truth]);
    expect(videoStream(output)).toMatchObject({ width: 320, height: 180 });
    expect(frames(output).map(({ time }) => time)).toEqual(
      Array.from({ length: 10 }, (_, i) => expect.closeTo(i / 20, 5)),
    );
    expectGoodFile(output);
    const lines = readEvents(truth).frames as FrameEvent[];
    expect(lines.map(({ frame }) => frame)).toEqual(Array.from({ length: 10 }, (_, i) => i));
    for (const { truth: objects } of lines) expect(objects!.length).toBeGreaterThan(5);
    // What is large and in full view is there in the picture: its box is no plain patch.
    const [picture] = rawFrames(output, { width: 320, height: 180, format: 'gray' });
    const large = lines[0]!.truth!.filter(({ box, visible }) => visible > 0.9 && box[2] * box[3] > 400);
    expect(large.length).toBeGreaterThan(0);
    for (const { box } of large) expect(spread(picture!, 320, box)).toBeGreaterThan(4);
  });

  it('is the same for the same seed and another for another, in its truth', async () => {
    const truthOf = async (seed: string) => {
      const path = workspace.output('.ndjson');
      await succeed(['street', '--seed', seed, ...SMALL, '--truth', path]);
      return readFileSync(path, 'utf8').split('\n').slice(1, 11).join('\n');
    };
    const once = await truthOf('11');
    expect(await truthOf('11')).toBe(once);
    expect(await truthOf('12')).not.toBe(once);
  });

  it.each([
    { what: 'nothing to do', args: [], code: 'usage' },
    { what: 'no length', args: ['-o', 'x.mp4', '--seconds', '0'], code: 'option-invalid' },
    { what: 'half a seed', args: ['-o', 'x.mp4', '--seed', '1.5'], code: 'option-invalid' },
    { what: 'a pace beyond all screens', args: ['-o', 'x.mp4', '--fps', '1000'], code: 'option-invalid' },
    { what: 'more than a day', args: ['-o', 'x.mp4', '--seconds', '1e7'], code: 'option-invalid' },
    { what: 'an unknown ending', args: ['-o', 'x.avi'], code: 'output-container' },
  ])('is refused: $what', async ({ args, code }) => {
    expectRefusal(await edgeRunner(['street', ...args]), 2, code);
  });
});

/** Standard deviation of the luma inside a box. */
function spread(picture: Uint8Array, width: number, [x, y, w, h]: readonly number[]): number {
  const values: number[] = [];
  for (let row = Math.round(y!); row < y! + h!; row++)
    for (let column = Math.round(x!); column < x! + w!; column++) values.push(picture[row * width + column]!);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
