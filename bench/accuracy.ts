import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { averagePrecision, type CocoInstances } from './average-precision.ts';
import { TESTDATA } from './clips.ts';
import { cocoDetections } from './coco.ts';
import { yoloxNano } from './detect.ts';
import { runEngine } from './engine-run.ts';
import type { BenchContext, Row } from './main.ts';

/** Average precision on the 50 pictures of the test data, through `run` on the cpu backend. */
export async function benchAccuracy({ folder }: BenchContext): Promise<Row[]> {
  const truth = join(TESTDATA, 'coco/instances_50.json');
  if (!existsSync(truth)) return [{ what: 'left out: the test pictures are not here', value: '' }];
  if (!(await yoloxNano())) return [{ what: 'left out: yolox-nano is not here', value: '' }];
  const events = join(folder, 'coco.ndjson');
  const images = join(TESTDATA, 'coco/images');
  await runEngine([
    images,
    '--detect',
    'yolox-nano',
    '--min-score',
    '0.01',
    '--iou',
    '0.65',
    '--backend',
    'cpu',
    '--events',
    events,
  ]);
  const instances = JSON.parse(readFileSync(truth, 'utf8')) as CocoInstances;
  const { ap, ap50 } = averagePrecision(instances, await cocoDetections(events));
  return [
    { what: 'AP50', value: ap50.toFixed(4), asked: '≥ 0.510, reference 0.5156', ok: ap50 >= 0.51 },
    { what: 'AP', value: ap.toFixed(4), asked: '≥ 0.343, reference 0.3486', ok: ap >= 0.343 },
  ];
}
