import { describe, expect, it } from 'vitest';
import { iou } from '../bench/average-precision.ts';
import type { FrameEvent } from '../protocol/index.ts';
import { boxesOf } from './support/boxes.ts';
import { succeed } from './support/command.ts';
import { readEvents } from './support/ndjson.ts';
import { needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const PICTURES = ['bus.jpg', 'dog.jpg', 'person.jpg'].map((name) => testdata(`images/${name}`));

async function detect(backend: string): Promise<{ frames: FrameEvent[]; stderr: string }> {
  const events = workspace.output('.ndjson');
  const { stderr } = await succeed(
    ['run', ...PICTURES, '--detect', '--backend', backend, '--events', events],
    {
      env: { EDGE_RUNNER_MODELS: testdata('models') },
    },
  );
  return { frames: readEvents(events).frames, stderr };
}

/** The software adapter takes seconds a frame: three pictures, not a clip. */
describe.skipIf(!TESTDATA)(needsTestdata('the webgpu backend, through the command'), () => {
  it('finds on three pictures what the cpu backend finds', { timeout: 300_000 }, async () => {
    const webgpu = await detect('webgpu');
    const cpu = await detect('cpu');
    for (const [i, line] of webgpu.frames.entries()) {
      const [found, wanted] = [boxesOf(line), boxesOf(cpu.frames[i]!)];
      expect(found.map(({ class: name }) => name)).toEqual(wanted.map(({ class: name }) => name));
      for (const [k, { box, score }] of found.entries()) {
        expect(iou(box, wanted[k]!.box)).toBeGreaterThanOrEqual(0.98);
        expect(Math.abs(score - wanted[k]!.score)).toBeLessThanOrEqual(0.01);
      }
    }
    expect(webgpu.frames.flatMap(boxesOf).length).toBeGreaterThan(8);
  });
});
