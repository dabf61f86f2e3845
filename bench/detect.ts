import { cpus } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, modelFolders, type ResolvedModel, resolveModel } from '../models/store/index.ts';
import type { Rung } from '../web/pages/bench/rungs-worker.ts';
import { makeClip } from './clips.ts';
import { type EngineRun, runEngine } from './engine-run.ts';
import { Ladder, type RungFigures } from './ladder.ts';
import type { BenchContext, Row } from './main.ts';
import { median } from './statistics.ts';

const RUNGS: Rung[] = ['decode', 'prepare', 'infer', 'draw', 'encode'];
const BITRATE = 3_000_000;

/** The model of the reach, or null with a word why not. */
export async function yoloxNano(): Promise<ResolvedModel | null> {
  return resolveModel('yolox-nano', { folders: modelFolders(), cacheDir: cacheFolder() }).catch(() => null);
}

/**
 * `run --detect` beside what the machine allows: the lower of the slowest stage alone, and cores ÷ the processor time
 * of all stages for one frame.
 */
export async function benchDetect({ folder, quick }: BenchContext): Promise<Row[]> {
  const model = await yoloxNano();
  if (!model) return [{ what: 'left out: yolox-nano is not here', value: '' }];
  const clip = makeClip(folder, 300);
  const rounds = quick ? 1 : 3;
  const alone = new Map<Rung, RungFigures[]>(RUNGS.map((rung) => [rung, []]));
  const runs: EngineRun[] = [];
  for (let round = 0; round < rounds; round++) {
    const ladder = await Ladder.open(clip, model);
    for (const rung of RUNGS) {
      const frames = rung === 'infer' ? 150 : 250;
      alone
        .get(rung)!
        .push(
          await ladder.measure({ rung, frames, warmUp: 30, bitrate: BITRATE, model: model.descriptor.name }),
        );
    }
    await ladder.close();
    runs.push(
      await runEngine([
        clip,
        '--detect',
        '--backend',
        'cpu',
        '-o',
        join(folder, 'detected.mp4'),
        '--bitrate',
        `${BITRATE}`,
      ]),
    );
  }
  const figures = RUNGS.map((rung) => ({
    rung,
    fps: median(alone.get(rung)!.map(({ fps }) => fps)),
    cpu: median(alone.get(rung)!.map(({ cpuPerFrame }) => cpuPerFrame)),
  }));
  const slowest = figures.reduce((least, other) => (other.fps < least.fps ? other : least));
  const cpuPerFrame = figures.reduce((sum, { cpu }) => sum + cpu, 0);
  const byCores = cpus().length / cpuPerFrame;
  const bound = Math.min(slowest.fps, byCores);
  const fps = median(runs.map(({ steadyFps }) => steadyFps));
  const firstFrame = median(runs.map(({ firstFrameSeconds }) => firstFrameSeconds));
  return [
    ...figures.map(({ rung, fps, cpu }) => ({
      what: `${rung} alone: fps, processor ms a frame`,
      value: `${fps.toFixed(1)}, ${(cpu * 1000).toFixed(1)}`,
    })),
    { what: `slowest stage alone (${slowest.rung}), fps`, value: slowest.fps.toFixed(1) },
    { what: 'cores ÷ processor time of all stages, fps', value: byCores.toFixed(1) },
    { what: 'run --detect -o, steady state, fps', value: fps.toFixed(1) },
    { what: 'run ÷ bound', value: (fps / bound).toFixed(3), asked: '≥ 0.9', ok: fps / bound >= 0.9 },
    {
      what: 'first frame out after, seconds',
      value: firstFrame.toFixed(2),
      asked: '≤ 4',
      ok: firstFrame <= 4,
    },
  ];
}
