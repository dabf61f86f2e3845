import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { averagePrecision, type CocoInstances } from '../bench/average-precision.ts';
import { cocoDetections } from '../bench/coco.ts';
import type { Detection, FrameEvent } from '../protocol/index.ts';
import { overlap } from '../web/engine/track/boxes.ts';
import { boxesOf, meanIou, shareOfEdge, unmatched } from './support/boxes.ts';
import { expectGoodFile, expectSamePictures, expectSameTimes } from './support/claims.ts';
import { turned } from './support/clips.ts';
import { succeed } from './support/command.ts';
import { ffmpeg, rawFrames } from './support/ffmpeg.ts';
import { displayedSize, rotationOf } from './support/ffprobe.ts';
import { readEvents } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg, needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SIZE = { width: 960, height: 540 };
const FRAMES = 24;
const MODELS = { EDGE_RUNNER_MODELS: testdata('models') };
const ENCODE = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '12', '-pix_fmt', 'yuv420p', '-an'];

/** Runs detection and gives its frame lines. */
async function detect(input: string | string[], ...args: string[]): Promise<FrameEvent[]> {
  const events = workspace.output('.ndjson');
  const run = ['run', ...[input].flat(), '--detect', '--backend', 'cpu', '--events', events];
  await succeed([...run, ...args], { env: MODELS });
  return readEvents(events).frames;
}

describe.skipIf(!TESTDATA)(needsTestdata('detection with yolox-nano'), () => {
  it('reaches AP 0.343 and AP50 0.510 on the 50 pictures', async () => {
    const events = workspace.output('.ndjson');
    await succeed(
      [
        ...['run', testdata('coco/images'), '--detect', 'yolox-nano', '--min-score', '0.01'],
        ...['--iou', '0.65', '--backend', 'cpu', '--events', events],
      ],
      { env: MODELS },
    );
    const { frames, summaries } = readEvents(events);
    expect(frames.length).toBe(50);
    expect(summaries[0]!.openFrames.end).toBe(0);
    const truth = JSON.parse(readFileSync(testdata('coco/instances_50.json'), 'utf8')) as CocoInstances;
    const { ap, ap50 } = averagePrecision(truth, await cocoDetections(events));
    expect(ap).toBeGreaterThanOrEqual(0.343);
    expect(ap50).toBeGreaterThanOrEqual(0.51);
    // More would be a fault of the measure: the reference has no more.
    expect(ap).toBeLessThan(0.36);
  });

  it('finds much the same with a YOLOv8 file of the user’s own', async () => {
    const pictures = readdirSync(testdata('coco/images'))
      .slice(0, 6)
      .map((name) => testdata(`coco/images/${name}`));
    const nano = await detect(pictures);
    const own = testdata('models/yolov8n_fp32_dequantised-AGPL.onnx');
    const other = await detect(pictures, '--detect', own);
    const sure = nano.flatMap((line) => boxesOf(line).filter(({ score }) => score >= 0.6));
    const limits = { leastScore: 0.6, leastIou: 0.5 };
    const missed = nano.flatMap((line, i) => unmatched(boxesOf(line), boxesOf(other[i]!), limits));
    expect(sure.length).toBeGreaterThan(5);
    expect(missed.length / sure.length).toBeLessThan(0.25);
  });
});

const READY = TESTDATA !== null && hasFfmpeg;
describe.skipIf(!READY)(needsFfmpeg(needsTestdata('detection on a clip')), () => {
  let clip: string;
  let every: FrameEvent[];

  beforeAll(async () => {
    clip = workspace.at('pan.mp4');
    ffmpeg([
      ...['-i', testdata('media/coco_pan_960x540_h264.mp4'), '-frames:v', `${FRAMES}`, ...ENCODE, clip],
    ]);
    every = await detect(clip);
  });

  it('has a line for every frame, in order, with boxes inside the picture', () => {
    expect(every.map(({ frame }) => frame)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
    const boxes = every.flatMap(boxesOf);
    expect(boxes.length).toBeGreaterThan(FRAMES);
    for (const { box, score } of boxes) {
      const [x, y, w, h] = box;
      expect(score).toBeGreaterThanOrEqual(0.3);
      expect(w).toBeGreaterThan(0);
      expect(h).toBeGreaterThan(0);
      expect([x >= -0.5, y >= -0.5, x + w <= SIZE.width + 0.5, y + h <= SIZE.height + 0.5]).toEqual(
        Array(4).fill(true),
      );
    }
  });

  it('holds its boxes between with --every 3 --no-track', async () => {
    const third = await detect(clip, '--every', '3', '--no-track');
    expect(third.length).toBe(FRAMES);
    for (const [i, line] of third.entries()) {
      const inferred = i - (i % 3);
      expect(line.frame).toBe(i);
      expect(line.detections, `frame ${i}`).toEqual(every[inferred]!.detections);
    }
  });

  it('counts --every from the first frame of the source, wherever --start is', async () => {
    const part = await detect(clip, '--every', '3', '--no-track', '--start', `${every[7]!.time}`);
    expect(part[0]!.frame).toBe(7);
    // Frame 7 begins the part, so it has to be looked at; from 9 on all is as in the whole.
    for (const { frame, detections } of part.slice(2))
      expect(detections, `frame ${frame}`).toEqual(every[frame - (frame % 3)]!.detections);
  });

  it('with --track is the same detection, each object under a number that it keeps', async () => {
    const tracked = await detect(clip, '--track');
    const life = new Map<number, number[]>();
    for (const [i, line] of tracked.entries()) {
      const plain = boxesOf(line).map(({ track: _, ...found }) => found);
      expect(plain.filter(({ score }) => score >= 0.3)).toEqual(boxesOf(every[i]!));
      for (const { track } of boxesOf(line)) if (track) life.set(track, [...(life.get(track) ?? []), i]);
      const numbers = boxesOf(line).flatMap(({ track }) => track ?? []);
      expect(new Set(numbers).size).toBe(numbers.length);
    }
    // Still pictures on a pan: what is found on most frames is one object.
    const lasting = [...life.values()].filter((frames) => frames.length > FRAMES * 0.8);
    expect(lasting.length).toBeGreaterThan(0);
  });

  it('moves boxes on between the frames of --every', async () => {
    const third = await detect(clip, '--every', '3');
    let near = 0;
    let all = 0;
    for (const [i, line] of third.entries()) {
      for (const { track, class: name, box } of boxesOf(line)) {
        if (track === undefined || i % 3 === 0) continue;
        all++;
        // Where the detector, had it been asked, would have found it.
        if (boxesOf(every[i]!).some((found) => found.class === name && overlap(found.box, box) > 0.7)) near++;
      }
    }
    expect(all).toBeGreaterThan(10);
    expect(near / all).toBeGreaterThan(0.7);
  });

  it('gives only the --classes that were asked for, and those unchanged', async () => {
    const name = mostFrequent(every.flatMap(boxesOf).map((found) => found.class));
    const only = await detect(clip, '--classes', name);
    for (const [i, line] of only.entries())
      expect(boxesOf(line)).toEqual(boxesOf(every[i]!).filter((found) => found.class === name));
  });

  it('gives only what scores --min-score or more, and that unchanged', async () => {
    const sure = await detect(clip, '--min-score', '0.6');
    for (const [i, line] of sure.entries())
      expect(boxesOf(line)).toEqual(boxesOf(every[i]!).filter(({ score }) => score >= 0.6));
  });

  const VARIANTS = [
    {
      what: 'turned by 90°',
      make() {
        const stored = workspace.at('stored-90.mp4');
        ffmpeg(['-i', clip, '-vf', 'transpose=2', ...ENCODE, stored]);
        return turned(stored, workspace.at('turned-90.mp4'), 90, { width: 540, height: 960 });
      },
    },
    {
      what: 'turned by 180°',
      make() {
        const stored = workspace.at('stored-180.mp4');
        ffmpeg(['-i', clip, '-vf', 'hflip,vflip', ...ENCODE, stored]);
        return turned(stored, workspace.at('turned-180.mp4'), 180, SIZE);
      },
    },
    {
      what: 'with pixels of 4:3',
      make() {
        const path = workspace.at('wide-pixels.mp4');
        ffmpeg(['-i', clip, '-vf', 'scale=720:540,setsar=4/3', ...ENCODE, path]);
        return path;
      },
    },
  ];

  it.each(VARIANTS)('finds on a clip $what what it finds upright, drawn where it says', async ({ make }) => {
    const variant = make();
    expect(displayedSize(variant)).toEqual(SIZE);
    const output = workspace.output('.mp4');
    const lines = await detect(variant, '-o', output, '--bitrate', '8M');
    const limits = { leastScore: 0.7, leastIou: 0.6 };
    for (const [i, line] of lines.entries()) {
      const [wanted, found] = [boxesOf(every[i]!), boxesOf(line)];
      expect(unmatched(wanted, found, limits), `frame ${i}`).toEqual([]);
      expect(unmatched(found, wanted, limits), `frame ${i}`).toEqual([]);
    }
    const sure = ({ score }: Detection) => score >= limits.leastScore;
    const overlaps = lines.map((line, i) => meanIou(boxesOf(every[i]!).filter(sure), boxesOf(line)));
    expect(overlaps.reduce((sum, value) => sum + value) / FRAMES).toBeGreaterThan(0.9);
    expect(displayedSize(output)).toEqual(SIZE);
    expect(rotationOf(output)).toBe(0);
    expectDrawn(output, variant, lines);
  });

  it('draws its boxes where its events say', async () => {
    const drawn = workspace.output('.mp4');
    const lines = await detect(clip, '-o', drawn, '--bitrate', '8M');
    expect(lines.map(({ detections }) => detections)).toEqual(every.map(({ detections }) => detections));
    expectDrawn(drawn, clip, lines);
    expectGoodFile(drawn);
    expectSameTimes(clip, drawn);
  });

  it('draws nothing with --no-overlay', async () => {
    const bare = workspace.output('.mp4');
    await detect(clip, '-o', bare, '--bitrate', '8M', '--no-overlay');
    expectSamePictures(clip, bare, 34);
  });

  /** The picture on the screen, rotation and pixel aspect applied. */
  const shown = (path: string) =>
    rawFrames(path, { ...SIZE, filter: `scale=${SIZE.width}:${SIZE.height}` }).map((data) => ({
      data,
      ...SIZE,
    }));

  /** Holds the box that lies on top, which is the one of the highest score, to its place in every frame. */
  function expectDrawn(output: string, source: string, lines: FrameEvent[]): void {
    const [after, before] = [shown(output), shown(source)];
    expect(after.length).toBe(lines.length);
    const shares = (shift: number) =>
      lines.map((line, i) => {
        const top = boxesOf(line).toSorted((a, b) => b.score - a.score)[0]!;
        const [x, y, w, h] = top.box;
        return shareOfEdge(after[i]!, before[i]!, { ...top, box: [x, y, w - shift, h - shift] });
      });
    expect(Math.min(...shares(0)), 'share of a box’s edge that is drawn').toBeGreaterThan(0.8);
    // The measure can tell: a few pixels off, most of the edge is not there.
    expect(Math.max(...shares(5)), 'share beside the edge').toBeLessThan(0.7);
  }
});

function mostFrequent(names: string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]![0];
}
