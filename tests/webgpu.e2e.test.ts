import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDepthPng } from '../bench/png16.ts';
import type { Detection, FrameEvent } from '../protocol/index.ts';
import { overlap } from '../web/engine/track/boxes.ts';
import { boxesOf, meanIou } from './support/boxes.ts';
import { expectSamePictures } from './support/claims.ts';
import { succeed } from './support/command.ts';
import { readEvents } from './support/ndjson.ts';
import { hasFfmpeg, needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
/** The software adapter takes seconds a frame. */
const SLOWLY = 250_000;
const PICTURES = ['bus.jpg', 'dog.jpg', 'person.jpg'].map((name) => testdata(`images/${name}`));

async function detect(backend: string): Promise<{ frames: FrameEvent[]; stderr: string }> {
  const events = workspace.output('.ndjson');
  const { stderr } = await succeed(
    ['run', ...PICTURES, '--detect', '--backend', backend, '--events', events],
    {
      env: { EDGE_RUNNER_MODELS: testdata('models') },
      hung: SLOWLY,
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
        expect(overlap(box, wanted[k]!.box)).toBeGreaterThanOrEqual(0.98);
        expect(Math.abs(score - wanted[k]!.score)).toBeLessThanOrEqual(0.01);
      }
    }
    expect(webgpu.frames.flatMap(boxesOf).length).toBeGreaterThan(8);
  });
});

/** Frames of the street that both backends are shown. */
const FRAMES = 10;

describe('the webgpu backend, on a street', () => {
  const clip = () => workspace.at('street.mp4');
  beforeAll(async () => {
    await succeed(['street', '--seed', '31', '--seconds', `${FRAMES / 30}`, '-o', clip()]);
  });

  async function run(backend: string, args: string[]) {
    const [events, output, maps] = [
      workspace.output('.ndjson'),
      workspace.output('.mp4'),
      workspace.output(''),
    ];
    const stages = ['--detect', 'street-yolo', '--depth', 'street-depth', '--depth-raw', maps];
    const drawn = ['--layout', 'side-by-side', '--quality', 'high', '-o', output];
    await succeed(['run', clip(), ...stages, ...args, ...drawn, '--backend', backend, '--events', events], {
      hung: SLOWLY,
    });
    return { frames: readEvents(events).frames, output, maps };
  }

  it('finds, estimates and draws what the cpu backend does', { timeout: 600_000 }, async () => {
    const webgpu = await run('webgpu', []);
    const cpu = await run('cpu', []);
    expect(webgpu.frames).toHaveLength(FRAMES);
    const overlaps: number[] = [];
    const boxes = { all: 0, same: 0 };
    for (const [i, line] of webgpu.frames.entries()) {
      const wanted = cpu.frames[i]!;
      const { all, same } = expectSameBoxes(boxesOf(line), boxesOf(wanted));
      boxes.all += all;
      boxes.same += same;
      overlaps.push(
        meanIou(
          boxesOf(line).filter(({ score }) => score > 0.4),
          boxesOf(wanted),
        ),
      );
      const span = wanted.depth!.p98 - wanted.depth!.p2;
      for (const key of ['p2', 'p50', 'p98'] as const)
        expect(Math.abs(line.depth![key] - wanted.depth![key])).toBeLessThan(0.02 * span);
      const name = `frame-${String(i).padStart(6, '0')}.png`;
      const [a, b] = [webgpu, cpu].map(({ maps }) => readDepthPng(readFileSync(join(maps, name))).values);
      const off = a!.map((value, k) => Math.abs(value - b![k]!) / span);
      expect(off.reduce((sum, value) => sum + value, 0) / off.length).toBeLessThan(0.01);
    }
    expect(overlaps.reduce((sum, value) => sum + value, 0) / FRAMES).toBeGreaterThan(0.97);
    expect(boxes.all).toBeGreaterThan(10 * FRAMES);
    expect(boxes.same / boxes.all).toBeGreaterThanOrEqual(0.97);
    if (hasFfmpeg) expectSamePictures(cpu.output, webgpu.output, 30);
  });

  it('follows as the cpu backend does, and draws each frame with its own depth', {
    timeout: 600_000,
  }, async () => {
    const args = ['--track', '--every', '2', '--end', '0.19'];
    const webgpu = await run('webgpu', args);
    const cpu = await run('cpu', args);
    // Numbers are given in the order of scores, which rounding may turn round: each stands for one on the other side.
    const numbers = new Map<number, number>();
    for (const [i, line] of webgpu.frames.entries())
      for (const { id, score, box, track } of boxesOf(line)) {
        if (score < 0.6 || track === undefined) continue;
        const same = boxesOf(cpu.frames[i]!).find(
          (other) => other.id === id && overlap(other.box, box) >= 0.7,
        );
        expect(same?.track).toBe(numbers.get(track) ?? same?.track ?? 'none');
        numbers.set(track, same!.track!);
      }
    expect(numbers.size).toBeGreaterThanOrEqual(4);
    expect(new Set(numbers.values()).size).toBe(numbers.size);
    expect(webgpu.frames.map(({ depth }) => depth!.p50)).toEqual(
      cpu.frames.map(({ depth }) => expect.closeTo(depth!.p50, 1)),
    );
    if (hasFfmpeg) expectSamePictures(cpu.output, webgpu.output, 30);
  });
});

/** Of --min-score, where nothing else is said. */
const THRESHOLD = 0.3;
const NEAR = 0.05;
/** Score from which every object must be the same on both sides. */
const PLAIN = 0.6;

/**
 * Every object that is plainly seen is the same on both sides. The browser rounds to 8-bit RGB before the GPU samples: what
 * is half hidden, or scores near the threshold, may fall to the other side of it, and where two boxes score alike NMS may
 * keep the other one.
 * @returns of those that are above the threshold by more than rounding, how many there are and how many are the same.
 */
function expectSameBoxes(found: Detection[], wanted: Detection[]): { all: number; same: number } {
  const counted = { all: 0, same: 0 };
  for (const [some, others] of [
    [found, wanted],
    [wanted, found],
  ] as const)
    for (const one of some) {
      if (one.score < THRESHOLD + NEAR) continue;
      const same = others.some(
        ({ id, score, box }) =>
          id === one.id && Math.abs(score - one.score) < NEAR && overlap(box, one.box) >= 0.75,
      );
      expect(same || one.score < PLAIN, `${one.class} ${one.score} at ${one.box}`).toBe(true);
      counted.all++;
      if (same) counted.same++;
    }
  return counted;
}
