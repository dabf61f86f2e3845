import type { DepthModel, DetectModel } from '../../../models/descriptor.ts';
import type { LoadedModel } from '../host.ts';
import { Gpu } from './gpu.ts';
import { WebGpuBackend } from './webgpu-backend.ts';

/** What this folder's tests share. */

/** The dev server's address of onnxruntime-web's wasm files. */
export const ORT_BASE = new URL('/node_modules/onnxruntime-web/dist/', globalThis.location?.href).href;

export async function openGpu(): Promise<Gpu> {
  return Gpu.open((await navigator.gpu.requestAdapter())!);
}

/** A backend and its device. */
export async function openBackend() {
  const adapter = (await navigator.gpu.requestAdapter())!;
  let device: GPUDevice | null = null;
  const request = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => {
    device = await request(descriptor);
    return device;
  };
  const backend = await WebGpuBackend.create(adapter, ORT_BASE);
  return { backend, device: device! as GPUDevice };
}

/** px, of the stand-in's input. */
export const SIDE = 64;
export const STAND_IN_SCORE = 0.875;
/** px, of the one box that it always finds, halfway down. */
export const STAND_IN_BOX = 16;

/** The middle of the stand-in's box on a picture of {@link SIDE} that is this red all over. */
export const standInX = (red: number) => (SIDE * red) / 255;

/** A detector in YOLOv8's layout that always finds one box, the further right the redder the picture is. */
export function standIn(changes: Partial<DetectModel> = {}): LoadedModel<DetectModel> {
  const weights = new Float32Array(5 * 3);
  weights[0] = SIDE / 255;
  const bias = Float32Array.of(0, SIDE / 2, STAND_IN_BOX, STAND_IN_BOX, STAND_IN_SCORE);
  const graph = message(
    field(1, node('GlobalAveragePool', ['images'], 'mean')),
    field(1, node('Conv', ['mean', 'weights', 'bias'], 'column')),
    field(1, node('Reshape', ['column', 'shape'], 'output')),
    field(2, text('stand-in')),
    field(5, tensor('weights', FLOAT, [5, 3, 1, 1], weights)),
    field(5, tensor('bias', FLOAT, [5], bias)),
    field(5, tensor('shape', INT64, [3], BigInt64Array.of(1n, 5n, 1n))),
    field(11, valueInfo('images', [1, 3, SIDE, SIDE])),
    field(12, valueInfo('output', [1, 5, 1])),
  );
  const bytes = message(number(1, 8), field(7, graph), field(8, message(field(1, text('')), number(2, 17))));
  const descriptor: DetectModel = {
    name: 'stand-in',
    task: 'detect',
    sha256: 'stand-in',
    bytes: bytes.length,
    licence: 'Apache-2.0',
    input: {
      name: 'images',
      width: SIDE,
      height: SIDE,
      letterbox: {
        width: SIDE,
        height: SIDE,
        placement: 'center',
        pad: 114,
        order: 'rgb',
        mean: [0, 0, 0],
        scale: [1, 1, 1],
      },
    },
    output: {
      name: 'output',
      head: { layout: 'yolov8', width: SIDE, height: SIDE, anchors: 1, classes: 1, strides: [SIDE] },
    },
    classes: ['thing'],
  };
  return { descriptor: { ...descriptor, ...changes }, bytes: bytes.buffer };
}

/** A depth model whose map is the picture's red, 0 to 1, half as wide and high as the picture. */
export function depthStandIn(letterbox = standIn().descriptor.input.letterbox): LoadedModel<DepthModel> {
  const graph = message(
    field(1, node('AveragePool', ['images'], 'small', { kernel_shape: [2, 2], strides: [2, 2] })),
    field(1, node('Conv', ['small', 'weights'], 'map')),
    field(2, text('depth-stand-in')),
    field(5, tensor('weights', FLOAT, [1, 3, 1, 1], Float32Array.of(1 / 255, 0, 0))),
    field(11, valueInfo('images', [1, 3, SIDE, SIDE])),
    field(12, valueInfo('map', [1, 1, SIDE / 2, SIDE / 2])),
  );
  const bytes = message(number(1, 8), field(7, graph), field(8, message(field(1, text('')), number(2, 17))));
  return {
    descriptor: {
      name: 'depth-stand-in',
      task: 'depth',
      sha256: 'depth-stand-in',
      bytes: bytes.length,
      licence: 'Apache-2.0',
      input: { name: 'images', width: SIDE, height: SIDE, letterbox },
      output: { name: 'map', head: { width: SIDE / 2, height: SIDE / 2, larger: 'nearer' } },
    },
    bytes: bytes.buffer,
  };
}

/** An RGBX frame of one colour. */
export function plainFrame(
  [red, green, blue]: readonly number[],
  { width = SIDE, height = SIDE, timestamp = 0 },
): VideoFrame {
  const pixels = new Uint8Array(4 * width * height);
  for (let at = 0; at < pixels.length; at += 4) pixels.set([red!, green!, blue!, 255], at);
  return new VideoFrame(pixels, {
    format: 'RGBX',
    codedWidth: width,
    codedHeight: height,
    timestamp,
    duration: 40_000,
    colorSpace: { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'rgb', fullRange: true },
  });
}

/** ONNX's numbers of element types. */
const FLOAT = 1;
const INT64 = 7;

type Bytes = Uint8Array<ArrayBuffer>;

const node = (
  operator: string,
  inputs: string[],
  output: string,
  attributes: Record<string, number[]> = {},
): Bytes =>
  message(
    ...inputs.map((name) => field(1, text(name))),
    field(2, text(output)),
    field(4, text(operator)),
    ...Object.entries(attributes).map(([name, values]) =>
      field(5, message(field(1, text(name)), ...values.map((value) => number(8, value)), number(20, INTS))),
    ),
  );

/** Type of an attribute. */
const INTS = 7;

const tensor = (name: string, type: number, dims: number[], data: ArrayBufferView<ArrayBuffer>): Bytes =>
  message(
    ...dims.map((dim) => number(1, dim)),
    number(2, type),
    field(8, text(name)),
    field(9, new Uint8Array(data.buffer)),
  );

const valueInfo = (name: string, dims: number[]): Bytes => {
  const shape = message(...dims.map((dim) => field(1, number(1, dim))));
  return message(
    field(1, text(name)),
    field(2, message(field(1, message(number(1, FLOAT), field(2, shape))))),
  );
};

const text = (value: string): Bytes => new TextEncoder().encode(value);

const field = (id: number, content: Bytes): Bytes =>
  message(varint(8 * id + 2), varint(content.length), content);

const number = (id: number, value: number): Bytes => message(varint(8 * id), varint(value));

function varint(value: number): Bytes {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return Uint8Array.from([...bytes, value]);
}

const message = (...parts: Bytes[]): Bytes => Uint8Array.from(parts.flatMap((part) => [...part]));
