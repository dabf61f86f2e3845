import { join } from 'node:path';
import { cacheFolder, modelFolders, resolveModel } from '../../models/store/index.ts';
import { command, runEngine } from '../engine-run.ts';
import { Ladder } from '../ladder.ts';
import type { BenchContext, Row } from '../main.ts';
import { median } from '../statistics.ts';
import { motScores } from './mot.ts';
import { counted, depthScores, detectionScores, runHeldOut } from './score.ts';

const YOLO = 'street-yolo';
const DEPTH = 'street-depth';

/** The models that come with the package, on streets that they were not trained on, from file to events. */
export async function benchStreet(context: BenchContext): Promise<Row[]> {
  return [...(await accuracy(context)), ...(await tracking(context)), ...(await speed(context))];
}

async function accuracy({ folder, quick }: BenchContext): Promise<Row[]> {
  // A frame every two seconds: frames that follow each other say little new.
  const stills = { firstSeed: 100, seeds: quick ? 4 : 24, seconds: 10, fps: 0.5 };
  const args = ['--min-score', '0.01', '--backend', 'cpu'];
  const clips = await runHeldOut(folder, YOLO, stills, args);
  const { ap, ap50 } = detectionScores(counted(clips));
  const smaller = detectionScores(counted(clips, 24 / 540));
  const { absRel, delta } = await depthScores(folder, DEPTH, stills);
  return [
    {
      what: `${YOLO}: AP50 on ${stills.seeds} held-out streets`,
      value: ap50.toFixed(3),
      asked: '≥ 0.85',
      ok: ap50 >= 0.85,
    },
    { what: `${YOLO}: AP`, value: ap.toFixed(3) },
    { what: `${YOLO}: AP50 with objects from 24 px of 540 on`, value: smaller.ap50.toFixed(3) },
    {
      what: `${DEPTH}: AbsRel after scale and shift`,
      value: absRel.toFixed(3),
      asked: '≤ 0.12',
      ok: absRel <= 0.12,
    },
    { what: `${DEPTH}: δ < 1.25`, value: delta.toFixed(3), asked: '≥ 0.85', ok: delta >= 0.85 },
  ];
}

async function tracking({ folder, quick }: BenchContext): Promise<Row[]> {
  const clips = { firstSeed: 200, seeds: 3, seconds: quick ? 4 : 20, fps: 30 };
  const found = counted(await runHeldOut(folder, YOLO, clips, ['--track', '--backend', 'cpu']));
  return found.flatMap((frames, i) => {
    const { idf1, mota, switches } = motScores(frames);
    const seed = clips.firstSeed + i;
    return [
      { what: `tracker, street ${seed}: IDF1`, value: idf1.toFixed(3), asked: '≥ 0.8', ok: idf1 >= 0.8 },
      {
        what: `tracker, street ${seed}: MOTA (${switches} switches)`,
        value: mota.toFixed(3),
        asked: '≥ 0.75',
        ok: mota >= 0.75,
      },
    ];
  });
}

/** The whole way of a clip through a tiny network, beside the network alone in the same browser. */
async function speed({ folder, quick }: BenchContext): Promise<Row[]> {
  const model = await resolveModel(YOLO, { folders: modelFolders(), cacheDir: cacheFolder() });
  const clip = join(folder, 'street-long.mp4');
  await command(['street', '--seed', '300', '--seconds', quick ? '10' : '30', '-o', clip]);
  const rounds = quick ? 1 : 3;
  const [alone, runs, depth]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const ladder = await Ladder.open(clip, model);
    const rung = { rung: 'infer', frames: 600, warmUp: 60, bitrate: 0, model: YOLO } as const;
    alone!.push((await ladder.measure(rung)).fps);
    await ladder.close();
    const options = [clip, '--detect', YOLO, '--backend', 'cpu', '-o', join(folder, 'fast.mp4')];
    runs!.push((await runEngine(options)).steadyFps);
    depth!.push((await runEngine([...options, '--depth', DEPTH])).steadyFps);
  }
  const [ceiling, fps, both] = [median(alone!), median(runs!), median(depth!)];
  return [
    { what: `${YOLO} alone, all sessions, fps`, value: ceiling.toFixed(1) },
    { what: 'run --detect -o at 960×540, fps', value: fps.toFixed(1), asked: '≥ 60', ok: fps >= 60 },
    { what: 'run ÷ the network alone', value: (fps / ceiling).toFixed(3) },
    { what: 'run --detect --depth -o, fps', value: both.toFixed(1) },
  ];
}
