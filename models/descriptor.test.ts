import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DepthHints } from './adapters/depth.ts';
import { parseNames } from './class-names.ts';
import { describeModel, modelFor } from './descriptor.ts';
import { readOnnxHeader } from './onnx-header.ts';
import { findEntry, REGISTRY } from './registry.ts';
import { TEST_MODELS } from './testing/test-models.ts';
import { type TensorSpec, tinyOnnx, tinyYolox } from './testing/tiny-onnx.ts';

const describeBytes = (bytes: Uint8Array, name = 'mine.onnx') => modelFor('detect', describeAny(bytes, name));

const describeAny = (bytes: Uint8Array, name: string, depth?: DepthHints) =>
  describeModel(readOnnxHeader(bytes), null, {
    ...{ name, bytes: bytes.length, sha256: 'f'.repeat(64) },
    ...(depth && { depth }),
  });

const withShapes = (
  input: TensorSpec['dims'],
  output: TensorSpec['dims'],
  metadata: Record<string, string> = {},
) => tinyOnnx({ inputs: [{ dims: input }], outputs: [{ dims: output }], metadata });

describe('a model without a registry entry', () => {
  it('is recognised as YOLOX by its anchors', () => {
    const model = describeBytes(withShapes([1, 3, 416, 416], [1, 3549, 85]));
    expect(model.output.head).toEqual({
      layout: 'yolox',
      width: 416,
      height: 416,
      anchors: 3549,
      classes: 80,
      strides: [8, 16, 32],
    });
    expect(model.input.letterbox).toMatchObject({ placement: 'top-left', order: 'bgr', scale: [1, 1, 1] });
    expect(model.name).toBe('mine');
    expect(model.classes[79]).toBe('toothbrush');
    expect(model.licence).toBe('unknown');
  });

  it('may be wide, and have a fourth level', () => {
    expect(describeBytes(withShapes([1, 3, 384, 640], [1, 5040, 6])).classes).toEqual(['class-0']);
    const anchors = 80 * 80 + 40 * 40 + 20 * 20 + 10 * 10;
    expect(describeBytes(withShapes([1, 3, 640, 640], [1, anchors, 85])).output.head.strides).toEqual([
      8, 16, 32, 64,
    ]);
  });

  it('is recognised as YOLOv8, with the names and the licence that its exporter wrote', () => {
    const metadata = { names: `{0: 'person', 1: "bird's nest"}`, task: 'detect', license: 'AGPL-3.0' };
    const model = describeBytes(withShapes([1, 3, 640, 640], [1, 6, 8400], metadata));
    expect(model.output.head).toMatchObject({ layout: 'yolov8', anchors: 8400, classes: 2 });
    expect(model.input.letterbox).toMatchObject({
      placement: 'center',
      pad: 114,
      order: 'rgb',
      scale: [1 / 255, 1 / 255, 1 / 255],
    });
    expect(model.classes).toEqual(['person', "bird's nest"]);
    expect(model.licence).toBe('AGPL-3.0');
  });

  it('of any size runs at the size it was trained for, else at 640', () => {
    const anySize = ['batch', 3, 'height', 'width'];
    expect(describeBytes(withShapes(anySize, ['batch', 84, 'anchors'])).output.head).toMatchObject({
      layout: 'yolov8',
      width: 640,
      height: 640,
      anchors: 8400,
    });
    expect(
      describeBytes(withShapes(anySize, ['batch', 84, 'anchors'], { imgsz: '[320, 416]' })).input,
    ).toMatchObject({ width: 416, height: 320 });
    expect(describeBytes(withShapes(anySize, ['batch', 'anchors', 85])).output.head).toMatchObject({
      layout: 'yolox',
      anchors: 8400,
    });
  });

  it.each<[string, Uint8Array]>([
    ['two maps', withShapes([1, 3, 448, 640], [1, 2, 448, 640])],
    ['a map of another shape', withShapes([1, 3, 448, 640], [1, 1, 448, 448])],
    ['three anchors a cell (YOLOv5)', withShapes([1, 3, 640, 640], [1, 25200, 85])],
    ['YOLOv5 of any size', withShapes([1, 3, 'h', 'w'], [1, 'n', 85], { names: `{0: 'a'}`, stride: '32' })],
    ['boxes after NMS', withShapes([1, 3, 640, 640], [1, 300, 6])],
    ['key points', withShapes([1, 3, 640, 640], [1, 56, 8400], { task: 'pose' })],
    ['angles', withShapes([1, 3, 640, 640], [1, 20, 8400], { names: `{0: 'plane'}` })],
    ['channels last', withShapes([1, 640, 640, 3], [1, 84, 8400])],
    ['a batch of four', withShapes([4, 3, 640, 640], [4, 84, 8400])],
    ['no shapes at all', withShapes(null, null)],
    ['an absurd size', withShapes([1, 3, 32000, 32000], [1, 84, 21000000])],
    ['boxes decoded in the graph', tinyYolox({ operators: ['Conv', 'Exp'] })],
    ['float16 pictures', tinyYolox({ inputs: [{ type: 10, dims: [1, 3, 64, 64] }] })],
    ['two pictures', tinyYolox({ inputs: [{ dims: [1, 3, 64, 64] }, { dims: [1, 3, 64, 64] }] })],
  ])('is refused when it has %s', (_, bytes) => {
    expect(() => describeBytes(bytes)).toThrow(expect.objectContaining({ code: 'model-shape' }));
  });

  it('is refused in words that name its shapes and the understood layouts', () => {
    expect(() => describeBytes(withShapes([1, 3, 448, 640], [1, 2, 448, 640]))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(
          'input0 float [1, 3, 448, 640] and gives output0 float [1, 2, 448, 640]',
        ),
        remedy: expect.stringContaining('[1, anchors, 5 + classes]'),
      }),
    );
  });

  it('is refused when its weights lie in another file', () => {
    expect(() => describeBytes(tinyYolox({ initializers: [{ name: 'w', external: true }] }))).toThrow(
      expect.objectContaining({ code: 'model-invalid' }),
    );
  });
});

describe('a depth model without a registry entry', () => {
  it.each([[[1, 1, 448, 640]], [[1, 448, 640]], [['batch', 'height', 'width']]])(
    'is recognised by its map %s, as wide as its input',
    (output) => {
      const model = modelFor('depth', describeAny(withShapes([1, 3, 448, 640], output), 'deep.onnx'));
      expect(model.output.head).toEqual({ width: 640, height: 448, larger: 'nearer' });
      // ImageNet's mean and deviation, as MiDaS and Depth Anything have it.
      expect(model.input.letterbox).toMatchObject({ order: 'rgb', mean: [123.675, 116.28, 103.53] });
    },
  );

  it('may give a smaller map, and be of any size', () => {
    const half = modelFor('depth', describeAny(withShapes([1, 3, 192, 320], [1, 1, 96, 160]), 'half.onnx'));
    expect(half.output.head).toMatchObject({ width: 160, height: 96 });
    const any = describeAny(withShapes(['b', 3, 'h', 'w'], ['b', 'h', 'w']), 'any.onnx');
    expect(modelFor('depth', any).input).toMatchObject({ width: 448, height: 448 });
  });

  it('is what its owner says', () => {
    const bytes = withShapes([1, 3, 448, 640], [1, 1, 448, 640]);
    const model = modelFor('depth', describeAny(bytes, 'd.onnx', { larger: 'farther', samples: 'unit' }));
    expect(model.output.head.larger).toBe('farther');
    expect(model.input.letterbox).toMatchObject({ mean: [0, 0, 0], scale: [1 / 255, 1 / 255, 1 / 255] });
  });

  it('finds no objects, and says where it belongs', () => {
    expect(() => describeBytes(withShapes([1, 3, 448, 640], [1, 1, 448, 640]), 'deep.onnx')).toThrow(
      expect.objectContaining({
        code: 'model-task',
        message: 'deep gives a map, as depth models do, and finds no objects.',
        remedy: expect.stringContaining('--depth'),
      }),
    );
    expect(() => modelFor('depth', describeBytes(withShapes([1, 3, 416, 416], [1, 3549, 85])))).toThrow(
      expect.objectContaining({ code: 'model-task', remedy: expect.stringContaining('--detect') }),
    );
  });
});

describe('the models that come with the package', () => {
  const packaged = REGISTRY.filter(({ url }) => url === null);

  it.each(packaged.map(({ name }) => name))('%s is the file that the registry vouches for', (name) => {
    const { fileNames, files, licence } = findEntry(name)!;
    const bytes = readFileSync(new URL(`demo/${fileNames[0]}`, import.meta.url));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(files).toEqual([{ sha256, bytes: bytes.length, of: 'this package' }]);
    const header = readOnnxHeader(bytes);
    expect(describeModel(header, findEntry(name), { name, bytes: bytes.length, sha256 }).licence).toBe(
      licence,
    );
    expect(bytes.length).toBeLessThanOrEqual(1.5e6);
  });

  it('are a detector and a depth model', () => {
    expect(packaged.map(({ task }) => task)).toEqual(['detect', 'depth']);
  });
});

describe('the registry', () => {
  it('names every model, address and file once', () => {
    for (const values of [
      REGISTRY.map(({ name }) => name),
      REGISTRY.flatMap(({ url }) => url ?? []),
      REGISTRY.flatMap(({ fileNames }) => fileNames),
      REGISTRY.flatMap(({ files }) => files.map(({ sha256 }) => sha256)),
    ])
      expect(new Set(values).size).toBe(values.length);
  });

  it('refuses a file of another size than its entry says', () => {
    const header = readOnnxHeader(tinyYolox());
    expect(() => describeModel(header, findEntry('yolox-nano'), { name: 'x', bytes: 1, sha256: '' })).toThrow(
      expect.objectContaining({ code: 'model-shape' }),
    );
  });
});

describe('class names as Python prints them', () => {
  it.each([
    [`{0: 'person', 1: 'car'}`, ['person', 'car']],
    [`{1: 'car', 0: 'person'}`, ['person', 'car']],
    [`['person', "driver's seat", ]`, ['person', "driver's seat"]],
    [`{"0": "person"}`, ['person']],
    [`{0: 'it\\'s', 1: '\\u00e9t\\xe9', 2: 'a\tb'}`, ["it's", 'été', 'a b']],
  ])('%s', (text, names) => {
    expect(parseNames(text)).toEqual(names);
  });

  it.each([
    '',
    '{}',
    '{0: person}',
    `{0: 'a', 2: 'b'}`,
    `{0: 'a', 0: 'b'}`,
    `{0: 'a'`,
    `{0: 'a' 1: 'b'}`,
    'x',
  ])('are not read from %s', (text) => {
    expect(parseNames(text)).toBeNull();
  });
});

describe.skipIf(!TEST_MODELS)('real models', () => {
  const read = (file: string) => {
    const bytes = readFileSync(join(TEST_MODELS!, file));
    return describeBytes(bytes, basename(file));
  };

  it('YOLOX-nano is YOLOX', () => {
    expect(read('yolox_nano.onnx')).toMatchObject({
      input: { name: 'images', width: 416, height: 416 },
      output: { name: 'output', head: { layout: 'yolox', anchors: 3549, classes: 80 } },
    });
  });

  it('YOLOv8n is YOLOv8', () => {
    expect(read('yolov8n_fp32_dequantised-AGPL.onnx')).toMatchObject({
      input: { name: 'images', width: 640, height: 640 },
      output: { name: 'output0', head: { layout: 'yolov8', anchors: 8400, classes: 80 } },
    });
  });

  it.each(['pydnetpp_448x640_fp32_from_tflite.onnx', 'selfie_256_fp32_from_tfjs.onnx'])(
    '%s gives a map and no boxes',
    (file) => {
      expect(() => read(file)).toThrow(expect.objectContaining({ code: 'model-task' }));
    },
  );

  it.each([
    'nanodet_m.onnx',
    'face_detection_yunet_120x160.onnx',
    'espcn_x3_luma_dynamic.onnx',
    '2xNomosUni_span_multijpg_ldl.onnx',
    'sci_360x640.onnx',
  ])('%s is no detector that is understood', (file) => {
    expect(() => read(file)).toThrow(expect.objectContaining({ code: 'model-shape' }));
  });

  it('nanodet is said to have one input: its initialisers are not inputs', () => {
    const bytes = readFileSync(join(TEST_MODELS!, 'nanodet_m.onnx'));
    expect(readOnnxHeader(bytes).inputs.map(({ name }) => name)).toEqual(['input.1']);
  });
});
