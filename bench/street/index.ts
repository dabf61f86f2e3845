import { join } from 'node:path';
import { type BenchContext, Turns } from '../context.ts';
import { command, runEngine } from '../measure/engine-run.ts';
import { Ladder } from '../measure/ladder.ts';
import { modelIfHere } from '../options.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { meanError } from './depth-error.ts';
import { motScores } from './mot.ts';
import { counted, detectionScores, heldOut, runHeldOut } from './score.ts';

/** The models that come with the package, on streets that they were not trained on: more of them than a report needs. */
export async function benchStreet(context: BenchContext): Promise<Section> {
  return {
    id: 'street',
    title: 'The synthetic street, held-out seeds, from file to events',
    text: ['Of objects that KITTI would ask for: 36 px of 540 high or more, 40 % visible or more.'],
    measures: [...(await accuracy(context)), ...(await tracking(context)), ...(await speed(context))],
    charts: [],
  };
}

async function accuracy({ folder, quick, say }: BenchContext): Promise<Measure[]> {
  // A frame every two seconds: frames that follow each other say little new.
  const stills = { firstSeed: 100, seeds: quick ? 4 : 12, seconds: 10, fps: 0.5 };
  say(`${stills.seeds} streets`);
  const { clips, depth } = await heldOut(folder, stills, 'cpu');
  const { ap, ap50 } = detectionScores(counted(clips));
  const smaller = detectionScores(counted(clips, 24 / 540));
  const { absRel, delta } = meanError(depth);
  const score = (id: string, what: string, value: number, asked?: Measure['asked']): Measure => ({
    id,
    what,
    unit: '',
    values: [value],
    better: asked && 'atMost' in asked ? 'lower' : 'higher',
    ...(asked && { asked }),
  });
  return [
    score('ap50', `street-yolo: AP50 on ${stills.seeds} streets`, ap50, { atLeast: 0.85 }),
    score('ap', 'street-yolo: AP', ap),
    score('ap50.24px', 'street-yolo: AP50 with objects from 24 px of 540 on', smaller.ap50),
    score('absrel', 'street-depth: AbsRel after scale and shift', absRel, { atMost: 0.12 }),
    score('delta', 'street-depth: δ < 1.25', delta, { atLeast: 0.85 }),
  ];
}

async function tracking({ folder, quick, say }: BenchContext): Promise<Measure[]> {
  const clips = { firstSeed: 200, seeds: 3, seconds: quick ? 4 : 20, fps: 30 };
  say(`tracking: ${clips.seeds} streets of ${clips.seconds} s`);
  const found = counted(await runHeldOut(folder, 'street-yolo', clips, ['--track', '--backend', 'cpu']));
  return found.flatMap((frames, i) => {
    const { idf1, mota, switches } = motScores(frames);
    const seed = clips.firstSeed + i;
    const score = (id: string, value: number, atLeast: number, note?: string): Measure => ({
      id: `${id}.${seed}`,
      what: `tracker, street ${seed}: ${id.toUpperCase()}`,
      unit: '',
      values: [value],
      better: 'higher',
      asked: { atLeast },
      ...(note && { note }),
    });
    return [score('idf1', idf1, 0.8), score('mota', mota, 0.75, `${switches} switches`)];
  });
}

/** The whole way of a clip of 960×540 through a tiny network, beside the network alone in the same browser. */
async function speed(context: BenchContext): Promise<Measure[]> {
  const { folder, quick, seconds, modelWarmUp } = context;
  const clip = join(folder, 'street-long.mp4');
  await command(['street', '--seed', '300', '--seconds', quick ? '10' : '30', '-o', clip]);
  const models = [(await modelIfHere('street-yolo'))!];
  const ladder = await Ladder.open({ clip, models, backend: 'cpu' });
  try {
    const turns = new Turns(context);
    const request = { rung: 'infer', backend: 'cpu', codec: 'h264', bitrate: 0, depth: null } as const;
    const alone = turns.add('street-yolo alone', () =>
      ladder.measure({ ...request, seconds: 5 * seconds, warmUp: modelWarmUp, detect: 'street-yolo' }),
    );
    const args = [clip, '--detect', 'street-yolo', '--backend', 'cpu', '-o', join(folder, 'fast.mp4')];
    const runs = turns.add('run --detect', () => runEngine(args));
    const both = turns.add('run --detect --depth', () => runEngine([...args, '--depth', 'street-depth']));
    await turns.go();
    const fps = (id: string, what: string, values: number[]): Measure => ({
      ...{ id, what, unit: 'fps', values, better: 'higher' },
    });
    const steady = runs.map(({ steadyFps }) => steadyFps);
    return [
      fps(
        'alone',
        'street-yolo alone, all sessions',
        alone.map((rung) => rung.fps),
      ),
      { ...fps('run', 'run --detect street-yolo -o at 960×540', steady), asked: { atLeast: 60 } },
      fps(
        'run.depth',
        'the same with --depth street-depth',
        both.map(({ steadyFps }) => steadyFps),
      ),
    ];
  } finally {
    await ladder.close();
  }
}
