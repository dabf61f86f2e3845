import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDepthPng } from '../bench/png16.ts';
import { depthError, meanError, sampleUnder } from '../bench/street/depth-error.ts';
import { Street } from '../models/street/index.ts';
import { expectGoodFile, expectSameTimes } from './support/claims.ts';
import { edgeRunner, expectRefusal, ROOT, succeed } from './support/command.ts';
import { rawFrames } from './support/ffmpeg.ts';
import { videoStream } from './support/ffprobe.ts';
import { readEvents } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg, needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SEED = 21;
const SIZE = { width: 480, height: 270 };
const FPS = 10;
const FRAMES = 10;
/** Of street-depth's map, without the letterbox's border. */
const MAP = { width: 192, height: 108 };

describe.skipIf(!hasFfmpeg)(needsFfmpeg('depth of a street'), () => {
  let clip: string;
  beforeAll(async () => {
    clip = workspace.at('street.mp4');
    const shape = [
      '--size',
      `${SIZE.width}x${SIZE.height}`,
      '--seconds',
      `${FRAMES / FPS}`,
      '--fps',
      `${FPS}`,
    ];
    await succeed(['street', '--seed', `${SEED}`, ...shape, '--quality', 'high', '-o', clip]);
  });

  it('stands in the events, and its maps are the street’s own depth', async () => {
    const events = workspace.output('.ndjson');
    const folder = workspace.at('maps');
    await succeed(['run', clip, '--depth', 'street-depth', '--depth-raw', folder, '--events', events]);
    const { sources, frames } = readEvents(events);
    expect(sources[0]).toMatchObject({ models: { depth: 'street-depth' }, depthLarger: 'nearer' });
    expect(frames).toHaveLength(FRAMES);
    const names = readdirSync(folder).sort();
    expect(names).toEqual(frames.map(({ frame }) => `frame-${String(frame).padStart(6, '0')}.png`));

    const street = new Street({ seed: SEED, ...SIZE, fps: FPS });
    const errors = names.map((name, i) => {
      const map = readDepthPng(readFileSync(join(folder, name)));
      expect([map.width, map.height, map.larger]).toEqual([MAP.width, MAP.height, 'nearer']);
      // Another reader sees the same samples.
      const [samples] = rawFrames(join(folder, name), { ...MAP, format: 'gray16le' });
      const { min, max, p2, p50, p98 } = frames[i]!.depth!;
      const sorted = map.values.slice().sort();
      const near = (value: number) => expect.closeTo(value, 3);
      expect([sorted[0], sorted.at(-1)]).toEqual([near(min), near(max)]);
      const at = (percent: number) => sorted[Math.floor(((sorted.length - 1) * percent) / 100)];
      expect([at(2), at(50), at(98)]).toEqual([near(p2), near(p50), near(p98)]);
      for (const pixel of [0, 4000, MAP.width * MAP.height - 1])
        expect(min + (samples!.readUInt16LE(2 * pixel) / 65535) * (max - min)).toBeCloseTo(
          map.values[pixel]!,
          3,
        );

      const values = street.frame(i).inverseDepth;
      return depthError(map, sampleUnder({ values, ...SIZE }, MAP.width, MAP.height));
    });
    // One street; the mean over many is the bench's (npm run bench -- street).
    expect(meanError(errors).absRel).toBeLessThan(0.2);
    expect(meanError(errors).delta).toBeGreaterThan(0.75);
  });

  it('and objects are found by two files of one name', async () => {
    const files = ['yolo', 'depth'].map((kind) => {
      const path = join(workspace.at(kind), 'model.onnx');
      mkdirSync(workspace.at(kind));
      // Another producer (field 2 of the model): files that the registry does not know by their hash.
      const bytes = readFileSync(join(ROOT, `models/demo/street-${kind}.onnx`));
      writeFileSync(path, Buffer.concat([bytes, Buffer.from([0x12, 1, 0x78])]));
      return path;
    });
    const events = workspace.output('.ndjson');
    await succeed([
      'run',
      clip,
      '--detect',
      files[0]!,
      '--depth',
      files[1]!,
      '--end',
      '0.2',
      '--events',
      events,
    ]);
    const { sources, frames } = readEvents(events);
    expect(sources[0]!.models).toEqual({ detect: 'model', depth: 'model-depth' });
    expect(frames[0]!.detections!.length).toBeGreaterThan(0);
    expect(frames[0]!.depth!.p98).toBeGreaterThan(frames[0]!.depth!.p2);
  });

  it('leaves neither map nor video when one of the maps cannot be written', async () => {
    const folder = workspace.at('blocked');
    mkdirSync(join(folder, 'frame-000003.png'), { recursive: true });
    const output = workspace.output('.mp4');
    const args = ['run', clip, '--depth', 'street-depth', '--depth-raw', folder, '-o', output];
    expectRefusal(await edgeRunner(args), 2, 'output-unwritable');
    expect(readdirSync(folder)).toEqual(['frame-000003.png']);
    expect(existsSync(output)).toBe(false);
  });

  it('is held between the frames of --every, and only what is inferred is written', async () => {
    const events = workspace.output('.ndjson');
    const folder = workspace.at('every');
    const depth = ['--depth', 'street-depth', '--every', '4', '--depth-raw', folder];
    await succeed(['run', clip, ...depth, '--events', events]);
    const { frames } = readEvents(events);
    expect(readdirSync(folder).sort()).toEqual(['frame-000000.png', 'frame-000004.png', 'frame-000008.png']);
    for (const { frame, depth } of frames) expect(depth).toEqual(frames[frame - (frame % 4)]!.depth);
    expect(frames[4]!.depth).not.toEqual(frames[0]!.depth);
  });

  it.each([
    { layout: 'overlay', width: SIZE.width },
    { layout: 'side-by-side', width: 2 * SIZE.width },
    { layout: 'depth', width: SIZE.width },
  ])('is drawn in the layout "$layout"', async ({ layout, width }) => {
    const output = workspace.output('.mp4');
    await succeed([
      ...['run', clip, '--depth', 'street-depth', '--layout', layout, '--quality', 'high', '-o', output],
    ]);
    expect(videoStream(output)).toMatchObject({ width, height: SIZE.height });
    expectSameTimes(clip, output);
    expectGoodFile(output);
    const shown = rawFrames(output, { width, height: SIZE.height, format: 'gray' }).at(-1)!;
    const source = rawFrames(clip, { ...SIZE, format: 'gray' }).at(-1)!;
    const part = (left: number) => cut(shown, width, left);
    const depth = lumaOfDepth(FRAMES - 1);
    if (layout === 'side-by-side') {
      expect(correlation(part(0), source)).toBeGreaterThan(0.97);
      expect(correlation(part(SIZE.width), depth)).toBeGreaterThan(0.85);
    } else if (layout === 'depth') {
      expect(correlation(shown, depth)).toBeGreaterThan(0.85);
    } else {
      // Both show through: what is seen is nearly a mixture of the two.
      const mixed = depth.map((near, i) => 0.55 * 200 * near + 0.45 * source[i]!);
      expect(correlation(shown, mixed)).toBeGreaterThan(0.85);
      expect(correlation(shown, mixed)).toBeGreaterThan(correlation(shown, depth));
      expect(correlation(shown, mixed)).toBeGreaterThan(correlation(shown, source));
    }
  });
});

describe.skipIf(!TESTDATA || !hasFfmpeg)(
  needsTestdata(needsFfmpeg('a depth model of somebody else’s, whose larger values are farther')),
  () => {
    it('gives the reference map of a picture, and shows what is near as bright', async () => {
      const env = { EDGE_RUNNER_CACHE: workspace.at('cache') };
      const model = testdata('models/pydnetpp_448x640_fp32_from_tflite.onnx');
      await succeed(['models', 'add', model, '--name', 'pydnet', '--depth', 'farther', '--samples', 'unit'], {
        env,
      });
      const picture = testdata('refs/pydnet_in_640x448.png');
      const [maps, drawn] = [workspace.at('pydnet-maps'), `${workspace.at('pydnet-drawn')}/`];
      const options = ['--depth', 'pydnet', '--depth-raw', maps, '--layout', 'depth', '-o', drawn];
      const { stdout } = await succeed(['run', picture, ...options, '--events', '-'], { env });
      expect(stdout).toContain('"depthLarger":"farther"');

      const reference = new Float32Array(readFileSync(testdata('refs/pydnet_out.f32')).buffer);
      const { values, larger } = readDepthPng(readFileSync(join(maps, 'pydnet_in_640x448.png')));
      expect(larger).toBe('farther');
      // 16 bits of a range that outliers stretch.
      const step = (Math.max(...range(reference)) - Math.min(...range(reference))) / 65535;
      expect(values.every((value, i) => Math.abs(value - reference[i]!) <= step)).toBe(true);
      const [bright] = rawFrames(join(drawn, 'pydnet_in_640x448.png'), {
        width: 640,
        height: 448,
        format: 'gray',
      });
      const sorted = reference.slice().sort();
      const [low, high] = [0.02, 0.98].map((share) => sorted[Math.floor(share * (sorted.length - 1))]!);
      const near = Array.from(
        reference,
        (value) => (high! - Math.min(high!, Math.max(low!, value))) / (high! - low!),
      );
      expect(correlation(bright!, near)).toBeGreaterThan(0.95);
    });
  },
);

function range(values: Float32Array): [number, number] {
  let [min, max] = [values[0]!, values[0]!];
  for (const value of values) [min, max] = [Math.min(min, value), Math.max(max, value)];
  return [min, max];
}

/** The street's own inverse depth of a frame, as far as a picture of it shows: near things all look the same. */
function lumaOfDepth(frame: number): number[] {
  const { inverseDepth } = new Street({ seed: SEED, ...SIZE, fps: FPS }).frame(frame);
  const nearest = inverseDepth.slice().sort()[Math.floor(0.98 * inverseDepth.length)]!;
  return Array.from(inverseDepth, (inverse) => Math.min(1, inverse / nearest));
}

function cut(picture: Uint8Array, stride: number, left: number): number[] {
  return Array.from({ length: SIZE.width * SIZE.height }, (_, i) => {
    const y = Math.floor(i / SIZE.width);
    return picture[y * stride + left + (i % SIZE.width)]!;
  });
}

/** Pearson's. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, v) => sum + v, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [a[i]! - ma, b[i]! - mb];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return ab / Math.sqrt(aa * bb);
}
