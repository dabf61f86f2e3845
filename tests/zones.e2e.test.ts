import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FrameEvent } from '../protocol/index.ts';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { readEvents } from './support/ndjson.ts';
import { needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const PATTERN = 'pattern:320x180@10:5';
const MODELS = { EDGE_RUNNER_MODELS: testdata('models') };

const zonesFile = (value: unknown): string => {
  const path = workspace.output('.json');
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
};
const box = (name: string, x: number, y: number, size: number) => ({
  name,
  polygon: [
    [x, y],
    [x + size, y],
    [x + size, y + size],
    [x, y + size],
  ],
});

describe('a file of zones is refused:', () => {
  it.each([
    { what: 'not there', zones: null },
    { what: 'no JSON', zones: 'zones: none' },
    { what: 'no list', zones: { zones: 5 } },
    {
      what: 'a polygon that crosses itself',
      zones: [
        {
          name: 'a',
          polygon: [
            [0, 0],
            [9, 9],
            [9, 0],
            [0, 9],
          ],
        },
      ],
    },
  ])('$what', async ({ zones }) => {
    const path = zones === null ? workspace.at('none.json') : zonesFile(zones);
    expectRefusal(await edgeRunner(['run', PATTERN, '--detect', '--zones', path]), 2, 'zones-invalid');
  });

  it('that count what the model does not know, or what is not looked for', async () => {
    const path = zonesFile([{ ...box('a', 0, 0, 50), classes: ['dragon'] }]);
    const args = ['run', PATTERN, '--detect', 'street-yolo', '--backend', 'cpu', '--zones'];
    expectRefusal(await edgeRunner([...args, path]), 2, 'zones-invalid');
    const cars = zonesFile([{ ...box('a', 0, 0, 50), classes: ['car'] }]);
    expectRefusal(await edgeRunner([...args, cars, '--classes', 'bus']), 2, 'zones-invalid');
  });

  it('with --no-track, which follows nobody, and without --detect', async () => {
    const path = zonesFile([box('a', 0, 0, 50)]);
    const args = ['run', PATTERN, '--zones', path];
    expectRefusal(await edgeRunner([...args, '--detect', '--no-track']), 2, 'option-invalid');
    expectRefusal(await edgeRunner([...args, '--events', '-']), 2, 'option-invalid');
  });
});

describe.skipIf(!TESTDATA)(needsTestdata('zones in a video'), () => {
  it('that reach outside its picture are refused, with its size', async () => {
    const path = zonesFile([box('a', 300, 100, 100)]);
    const finished = await edgeRunner(['run', PATTERN, '--detect', '--zones', path, '--backend', 'cpu'], {
      env: MODELS,
    });
    expectRefusal(finished, 2, 'zones-invalid');
    expect(finished.stderr).toContain('320×180');
  });

  it('count those who come and go as the frame lines say, and the summary sums them up', async () => {
    const clip = testdata('media/one-by-one-person-detection.mp4');
    const [{ width, height }] = await sizeOf(clip);
    const whole = {
      name: 'all',
      polygon: [
        [0, 0],
        [width, 0],
        [width, height],
        [0, height],
      ],
    };
    const line = {
      name: 'middle',
      line: [
        [width / 2, 0],
        [width / 2, height],
      ],
    };
    const events = workspace.output('.ndjson');
    await succeed(
      [
        ...['run', clip, '--detect', 'yolox-nano', '--classes', 'person', '--every', '2', '--end', '12'],
        ...['--zones', zonesFile([whole, line]), '--events', events, '--backend', 'cpu'],
      ],
      { env: MODELS },
    );
    const { frames, summaries } = readEvents(events);
    const happened = (frames as FrameEvent[]).flatMap(({ zones }) => zones ?? []);
    const count = (zone: string, event: string) =>
      happened.filter((one) => one.zone === zone && one.event === event).length;
    let inside = 0;
    for (const { zones, occupancy } of frames as FrameEvent[]) {
      for (const { zone, event } of zones!) if (zone === 'all') inside += event === 'enter' ? 1 : -1;
      expect(occupancy).toEqual({ all: inside });
    }
    const { all, middle } = summaries[0]!.zones! as Record<string, Record<string, number>>;
    expect(count('all', 'enter')).toBeGreaterThan(0);
    expect(all).toMatchObject({ entries: count('all', 'enter'), exits: count('all', 'exit') });
    expect(middle!.forward! + middle!.backward!).toBe(count('middle', 'cross'));
  });
});

/**
 * Counted by eye, frame by frame (from 0): when the middle of each of the six people is over the line x = 560, to the
 * right of the table, on the way out. Nobody comes back over it, and nobody comes in over it.
 */
const WENT_OUT = [187, 439, 688, 855, 1185, 1346];
/** The foot of a box is over the line a little after the middle of the body, and beyond its tremble later still. */
const FRAMES_LATER = 6;

describe.skipIf(!TESTDATA)(needsTestdata('people who walk one by one'), () => {
  it('are counted over a line as they are by eye', { timeout: 600_000 }, async () => {
    const clip = testdata('media/one-by-one-person-detection.mp4');
    const out = {
      name: 'way out',
      line: [
        [560, 432],
        [560, 0],
      ],
    };
    // As high as the picture, whose lower edge cuts the feet of those who come near.
    const walkway = {
      name: 'walkway',
      polygon: [
        [300, 0],
        [600, 0],
        [600, 432],
        [300, 432],
      ],
    };
    const events = workspace.output('.ndjson');
    const options = ['--detect', 'yolox-nano', '--classes', 'person', '--every', '2', '--backend', 'cpu'];
    await succeed(['run', clip, ...options, '--zones', zonesFile([out, walkway]), '--events', events], {
      env: MODELS,
      // 700 inferences: a minute on two cores that have nothing else to do.
      hung: 500_000,
    });
    const { frames, summaries } = readEvents(events);
    expect(summaries[0]!.zones!['way out']).toEqual({ forward: WENT_OUT.length, backward: 0 });
    expect(summaries[0]!.zones!.walkway).toMatchObject({ entries: WENT_OUT.length, exits: WENT_OUT.length });
    const crossed = frames.filter(({ zones }) => zones!.some(({ event }) => event === 'cross'));
    expect(crossed).toHaveLength(WENT_OUT.length);
    for (const [i, { frame }] of crossed.entries()) {
      expect(frame).toBeGreaterThanOrEqual(WENT_OUT[i]! - 1);
      expect(frame).toBeLessThanOrEqual(WENT_OUT[i]! + FRAMES_LATER);
    }
  });
});

async function sizeOf(clip: string): Promise<{ width: number; height: number }[]> {
  const events = workspace.output('.ndjson');
  await succeed(['run', clip, '--events', events, '--end', '0.1']);
  return readEvents(events).sources;
}
