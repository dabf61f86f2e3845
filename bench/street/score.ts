import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Street } from '../../models/street/index.ts';
import type { BackendName, EventLine, FrameEvent } from '../../protocol/index.ts';
import { averagePrecision } from '../average-precision.ts';
import { command } from '../measure/engine-run.ts';
import { readDepthPng } from '../png16.ts';
import { countable, type Scored } from './countable.ts';
import { type DepthError, depthError, sampleUnder } from './depth-error.ts';

/** Streets that no network was trained on: seeds below 10,000. */
export interface HeldOut {
  firstSeed: number;
  seeds: number;
  seconds: number;
  fps: number;
}

/** What the command finds on clips of held-out streets, beside all that is there; one list of frames a clip. */
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
    clips.push(beside(truth, found));
  }
  return clips;
}

/** Of the clips that `edge-runner street` makes when it is not told otherwise, px. */
const PICTURE_HEIGHT = 540;

/** What counts of clips. @param leastHeight as a share of the picture's; default: KITTI's. */
export const counted = (clips: Scored[][], leastHeight?: number): Scored[][] =>
  clips.map((frames) =>
    frames.map(({ truth, detections }) => countable(truth, detections, PICTURE_HEIGHT, leastHeight)),
  );

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

/** Frame lines of a file of events. */
export const framesOf = (path: string): FrameEvent[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EventLine)
    .filter((line) => line.type === 'frame');

/** Both street networks in one run a clip: what is found beside what is there, and the error of every map. */
export async function heldOut(
  folder: string,
  { firstSeed, seeds, seconds, fps }: HeldOut,
  backend: BackendName,
): Promise<{ clips: Scored[][]; depth: DepthError[] }> {
  const clips: Scored[][] = [];
  const depth: DepthError[] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const stem = join(folder, `street-${seed}-${backend}`);
    const [clip, truth, found, maps] = [
      // Of H.264 the browser's encoder makes another file each time, with its threads; of VP9 the same.
      `${stem}.webm`,
      `${stem}.truth.ndjson`,
      `${stem}.ndjson`,
      `${stem}-maps`,
    ];
    const made = ['--seed', `${seed}`, '--seconds', `${seconds}`, '--fps', `${fps}`];
    await command(['street', ...made, '-o', clip, '--truth', truth]);
    const stages = ['--detect', 'street-yolo', '--min-score', '0.01', '--depth', 'street-depth'];
    await command(['run', clip, ...stages, '--depth-raw', maps, '--events', found, '--backend', backend]);
    clips.push(beside(truth, found));
    depth.push(...streetErrors(maps, seed, fps));
  }
  return { clips, depth };
}

/** Truth and detections of each frame, of two files of events. */
function beside(truth: string, found: string): Scored[] {
  const finds = framesOf(found);
  return framesOf(truth).map(({ truth: objects = [] }, i) => ({
    truth: objects,
    detections: finds[i]?.detections ?? [],
  }));
}

/** Errors of the maps in a folder against the street of which they were made. @param every only each Nth of them. */
export function streetErrors(maps: string, seed: number, fps: number, every = 1): DepthError[] {
  const street = new Street({ seed, width: 960, height: PICTURE_HEIGHT, fps });
  const names = readdirSync(maps).filter((name) => /^frame-\d+\.png$/.test(name));
  return names
    .sort()
    .filter((_, i) => i % every === 0)
    .map((name) => {
      const map = readDepthPng(readFileSync(join(maps, name)));
      const { inverseDepth: values } = street.frame(Number(/\d+/.exec(name)![0]));
      const picture = { values, width: 960, height: PICTURE_HEIGHT };
      return depthError(map, sampleUnder(picture, map.width, map.height));
    });
}
