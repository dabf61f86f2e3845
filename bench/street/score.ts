import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventLine, FrameEvent } from '../../protocol/index.ts';
import { averagePrecision } from '../average-precision.ts';
import { command } from '../engine-run.ts';
import { countable, type Scored } from './countable.ts';

/** Streets that no network was trained on: seeds below 10,000. */
export interface HeldOut {
  firstSeed: number;
  seeds: number;
  seconds: number;
  fps: number;
}

/** What the command finds on clips of held-out streets, beside what is there; one list of frames a clip. */
export async function runHeldOut(
  folder: string,
  model: string,
  { firstSeed, seeds, seconds, fps }: HeldOut,
  args: string[],
): Promise<Scored[][]> {
  const clips: Scored[][] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const clip = join(folder, `street-${seed}.mp4`);
    const truth = join(folder, `street-${seed}.truth.ndjson`);
    const found = join(folder, `street-${seed}.ndjson`);
    const made = ['--seed', `${seed}`, '--seconds', `${seconds}`, '--fps', `${fps}`];
    await command(['street', ...made, '-o', clip, '--truth', truth]);
    await command(['run', clip, '--detect', model, '--events', found, ...args]);
    const finds = framesOf(found);
    clips.push(
      framesOf(truth).map(({ truth: objects = [] }, i) =>
        countable(objects, finds[i]?.detections ?? [], PICTURE_HEIGHT),
      ),
    );
  }
  return clips;
}

/** Of the clips that `edge-runner street` makes when it is not told otherwise, px. */
const PICTURE_HEIGHT = 540;

/** COCO's box AP over all frames together. */
export function detectionScores(clips: Scored[][]): { ap: number; ap50: number } {
  const frames = clips.flat();
  return averagePrecision(
    {
      images: frames.map((_, id) => ({ id })),
      annotations: frames.flatMap(({ truth }, image_id) =>
        truth.map(({ id, box }) => ({ image_id, category_id: id, bbox: box })),
      ),
    },
    frames.flatMap(({ detections }, image_id) =>
      detections.map(({ id, box, score }) => ({ image_id, category_id: id, bbox: box, score })),
    ),
  );
}

const framesOf = (path: string): FrameEvent[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EventLine)
    .filter((line) => line.type === 'frame');
