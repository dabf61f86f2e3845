import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendName } from '../protocol/index.ts';
import { averagePrecision, type CocoInstances } from './average-precision.ts';
import { cocoDetections } from './coco.ts';
import type { BenchContext } from './context.ts';
import { TESTDATA } from './measure/clips.ts';
import { runEngine } from './measure/engine-run.ts';
import { modelIfHere } from './options.ts';
import type { Measure, Section } from './reporting/report.ts';
import { meanError } from './street/depth-error.ts';
import { counted, detectionScores, heldOut } from './street/score.ts';

/** Speed is worth nothing without it: average precision and depth error, on every backend that is measured. */
export async function benchAccuracy(context: BenchContext): Promise<Section> {
  // The cpu backend is what the other one is held to.
  const backends: BackendName[] = context.backend === 'cpu' ? ['cpu'] : ['cpu', 'webgpu'];
  const measures: Measure[] = [];
  for (const backend of backends) {
    measures.push(...(await onCoco(context, backend)), ...(await onStreet(context, backend)));
  }
  return {
    id: 'accuracy',
    title: 'Accuracy',
    text: [
      'Through the command, from file to events. The street: of objects that KITTI would ask for, on seeds that no network was trained on; depth after scale and shift.',
    ],
    measures,
    charts: [],
  };
}

async function onCoco({ folder, say, quick }: BenchContext, backend: BackendName): Promise<Measure[]> {
  const truth = join(TESTDATA, 'coco/instances_50.json');
  const model = await modelIfHere('yolox-nano');
  if (quick || !existsSync(truth) || !model) return [];
  say(`${backend}: 50 pictures of COCO`);
  const events = join(folder, `coco-${backend}.ndjson`);
  await runEngine([
    join(TESTDATA, 'coco/images'),
    ...['--detect', 'yolox-nano', '--min-score', '0.01', '--iou', '0.65'],
    ...['--backend', backend, '--events', events],
  ]);
  const instances = JSON.parse(readFileSync(truth, 'utf8')) as CocoInstances;
  const { ap, ap50 } = averagePrecision(instances, await cocoDetections(events));
  const score = (id: string, what: string, value: number, atLeast: number, reference: string): Measure => ({
    id: `${backend}.${id}`,
    what: `${backend}: ${what}, 50 pictures of COCO, yolox-nano`,
    unit: '',
    values: [value],
    better: 'higher',
    asked: { atLeast },
    note: `reference ${reference}`,
  });
  return [score('coco.ap50', 'AP50', ap50, 0.51, '0.5156'), score('coco.ap', 'AP', ap, 0.343, '0.3486')];
}

async function onStreet({ folder, quick, say }: BenchContext, backend: BackendName): Promise<Measure[]> {
  const stills = { firstSeed: 100, seeds: quick ? 1 : 4, seconds: 10, fps: quick ? 0.3 : 0.5 };
  say(`${backend}: ${stills.seeds} ${stills.seeds === 1 ? 'street' : 'streets'}`);
  const { clips, depth } = await heldOut(folder, stills, backend);
  const seeds = clips.length === 1 ? '1 street' : `${clips.length} streets`;
  const note = `${clips.flat().length} frames of ${seeds}`;
  const { ap, ap50 } = detectionScores(counted(clips));
  const { absRel, delta } = meanError(depth);
  const score = (id: string, what: string, value: number, better: Measure['better']): Measure => ({
    id: `${backend}.${id}`,
    what: `${backend}: ${what}`,
    unit: '',
    values: [value],
    better,
    note,
  });
  return [
    score('street.ap', 'AP, street-yolo', ap, 'higher'),
    score('street.ap50', 'AP50, street-yolo', ap50, 'higher'),
    score('street.absrel', 'AbsRel, street-depth', absRel, 'lower'),
    score('street.delta', 'δ < 1.25, street-depth', delta, 'higher'),
  ];
}
