import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventLine, SourceEvent, SummaryEvent } from '../../protocol/index.ts';
import { command } from '../measure/engine-run.ts';
import { countable } from '../street/countable.ts';
import { meanError } from '../street/depth-error.ts';
import { motScores } from '../street/mot.ts';
import { detectionScores, framesOf, streetErrors } from '../street/score.ts';
import { type DemoPage, pageOf } from './page.ts';

/** A street that the networks were not trained on. */
const SEED = 6;
const SECONDS = 10;
const FPS = 30;
const HEIGHT = 540;

/** Detection, depth and tracking on a clip of the street; scores against its truth; one page that shows it all. */
async function main(folder: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  console.log(`1. a clip of our own: ${SECONDS} s of a synthetic street, with its truth`);
  const street = ['--seed', `${SEED}`, '--seconds', `${SECONDS}`, '--fps', `${FPS}`];
  await command(['street', ...street, '-o', at('clip.mp4'), '--truth', at('truth.ndjson')], true);

  // Maps of a longer clip would stay beside those of this one.
  rmSync(at('depth'), { recursive: true, force: true });
  console.log('2. detect, track and depth on every frame, drawn and encoded again');
  const stages = [
    '--detect',
    'street-yolo',
    '--track',
    '--depth',
    'street-depth',
    '--depth-raw',
    at('depth'),
  ];
  const outputs = ['-o', at('out.mp4'), '--events', at('out.ndjson')];
  await command(['run', at('clip.mp4'), ...stages, '--layout', 'side-by-side', ...outputs], true);

  console.log(
    '3. scores against the truth, of objects that KITTI would ask for: 36 px high or more, 40 % visible or more',
  );
  const page = read(at('out.ndjson'), at('truth.ndjson'), at('depth'));
  for (const { what, value } of page.facts) console.log(`   ${what.padEnd(44)} ${value}`);
  writeFileSync(at('out.html'), pageOf(page));
  console.log(`\n${at('out.mp4')}     the video, boxes on the left, depth on the right`);
  console.log(`${at('out.ndjson')}  its events`);
  console.log(`${at('out.html')}    both beside charts: open it in a browser`);
}

function read(eventsPath: string, truthPath: string, maps: string): DemoPage {
  const lines = readFileSync(eventsPath, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EventLine);
  const source = lines.find((line): line is SourceEvent => line.type === 'source')!;
  const summary = lines.find((line): line is SummaryEvent => line.type === 'summary')!;
  const found = framesOf(eventsPath);
  const clip = framesOf(truthPath).map(({ truth = [] }, i) =>
    countable(truth, found[i]?.detections ?? [], HEIGHT),
  );
  const { ap50 } = detectionScores([clip]);
  const { mota, idf1, switches } = motScores(clip);
  // Every tenth is enough for a mean, and drawing the street again takes a while.
  const { absRel, delta } = meanError(streetErrors(maps, SEED, FPS, 10));
  const classes = [...new Set(found.flatMap(({ detections = [] }) => detections.map((one) => one.class)))];
  return {
    video: 'out.mp4',
    facts: [
      { what: 'backend', value: `${source.backend} (${source.backendReason})` },
      { what: 'frames a second, whole run', value: summary.fps.toFixed(1) },
      { what: 'detection: AP50 of scores from 0.3', value: ap50.toFixed(3) },
      { what: 'tracking: IDF1', value: idf1.toFixed(3) },
      { what: 'tracking: MOTA', value: `${mota.toFixed(3)}, ${switches} switches` },
      { what: 'depth: AbsRel, every tenth frame', value: absRel.toFixed(3) },
      { what: 'depth: δ < 1.25', value: delta.toFixed(3) },
    ],
    times: found.map(({ time }) => time),
    objects: classes.map((name) => ({
      name,
      counts: found.map(({ detections = [] }) => detections.filter((one) => one.class === name).length),
    })),
    depth: {
      p2: found.map(({ depth }) => depth?.p2 ?? null),
      p50: found.map(({ depth }) => depth?.p50 ?? null),
      p98: found.map(({ depth }) => depth?.p98 ?? null),
    },
    stages: Object.entries(summary.stages)
      // Once a run, not once a frame.
      .filter(([name]) => name !== 'finalize')
      .map(([name, { mean, p95 }]) => ({ name, mean, p95 })),
  };
}

await main(process.argv[2]!);
