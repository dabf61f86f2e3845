import { expect, inject, it } from 'vitest';
import { commands } from 'vitest/browser';
import { depthPercentilesCpu, LetterboxCpu, type LetterboxSpec, UPRIGHT } from '../../../kernels/index.ts';
import { depthLetterbox } from '../../../models/adapters/depth.ts';
import { createSession, loadOrt } from '../backend/ort.ts';
import { copyPlanes } from './planes.ts';

const folder = inject('testdata');

/** A file of the test data, over the test server. */
async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = await commands.readFile(`${folder}/${path}`, { encoding: 'base64' });
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

it.skipIf(!folder)(
  'YOLOX-nano on the reference picture answers with the reference numbers to 1e-3 (needs the test data)',
  async () => {
    const spec = {
      ...{ width: 416, height: 416, placement: 'top-left', pad: 114, order: 'bgr' },
      ...{ mean: [0, 0, 0], scale: [1, 1, 1] },
    } as LetterboxSpec;
    const { dims, values } = await answerOf('yolox_nano.onnx', 'yolox_nano_in_416.png', spec);
    const reference = new Float32Array((await read('refs/yolox_nano_out.f32')).buffer);
    expect(dims).toEqual([1, 3549, 85]);
    expect(worst(values, reference)).toBeLessThan(1e-3);
  },
);

it.skipIf(!folder)(
  'PyDNet++ on the reference picture answers with the reference map, and its percentiles (needs the test data)',
  async () => {
    const { dims, values } = await answerOf(
      'pydnetpp_448x640_fp32_from_tflite.onnx',
      'pydnet_in_640x448.png',
      depthLetterbox({ width: 640, height: 448 }, 'unit'),
    );
    const reference = new Float32Array((await read('refs/pydnet_out.f32')).buffer);
    expect(dims).toEqual([1, 1, 448, 640]);
    const map = { values, width: 640, height: 448 };
    const sorted = reference.slice().sort();
    const at = (percent: number) => sorted[Math.floor(((sorted.length - 1) * percent) / 100)]!;
    const span = at(98) - at(2);
    expect(worst(values, reference)).toBeLessThan(1e-3 * span);
    const { p2, p50, p98 } = depthPercentilesCpu(map)!;
    expect(Math.max(Math.abs(p2 - at(2)), Math.abs(p50 - at(50)), Math.abs(p98 - at(98)))).toBeLessThan(
      1e-3 * span,
    );
  },
);

/** What a model says of a picture of its own input's size. */
async function answerOf(model: string, picture: string, spec: LetterboxSpec) {
  const { width, height } = spec;
  const [bytes, png] = await Promise.all([read(`models/${model}`), read(`refs/${picture}`)]);
  const bitmap = await createImageBitmap(new Blob([png]), { colorSpaceConversion: 'none' });
  const frame = new VideoFrame(bitmap, { timestamp: 0, alpha: 'discard' });
  const planes = await copyPlanes(frame);
  frame.close();
  const input = new Float32Array(3 * width * height);
  const view = { displayWidth: width, displayHeight: height, orientation: UPRIGHT };
  new LetterboxCpu(spec).run(planes.picture, view, input);
  const ort = await loadOrt('cpu', {
    base: new URL('/node_modules/onnxruntime-web/dist/', location.href).href,
    threads: 1,
  });
  const session = await createSession(ort, model, bytes.buffer, { executionProviders: ['wasm'] });
  const tensor = new ort.Tensor('float32', input, [1, 3, height, width]);
  const output = (await session.run({ [session.inputNames[0]!]: tensor }))[session.outputNames[0]!]!;
  const values = (output.data as Float32Array<ArrayBuffer>).slice();
  await session.release();
  return { dims: output.dims, values };
}

const worst = (found: Float32Array, wanted: Float32Array) =>
  found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the test data, empty where there is none. */
    testdata: string;
  }
}
