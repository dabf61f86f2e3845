import { expect, inject, it } from 'vitest';
import { commands } from 'vitest/browser';
import { LetterboxCpu, UPRIGHT } from '../../../kernels/index.ts';
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
    const [model, png, expected] = await Promise.all([
      read('models/yolox_nano.onnx'),
      read('refs/yolox_nano_in_416.png'),
      read('refs/yolox_nano_out.f32'),
    ]);
    const bitmap = await createImageBitmap(new Blob([png]), { colorSpaceConversion: 'none' });
    const frame = new VideoFrame(bitmap, { timestamp: 0, alpha: 'discard' });
    const { picture } = await copyPlanes(frame);
    frame.close();
    const input = new Float32Array(3 * 416 * 416);
    const letterbox = new LetterboxCpu({
      width: 416,
      height: 416,
      placement: 'top-left',
      pad: 114,
      order: 'bgr',
      mean: [0, 0, 0],
      scale: [1, 1, 1],
    });
    letterbox.run(picture, { displayWidth: 416, displayHeight: 416, orientation: UPRIGHT }, input);
    const ort = await loadOrt('cpu', {
      base: new URL('/node_modules/onnxruntime-web/dist/', location.href).href,
      threads: 1,
    });
    const session = await createSession(ort, 'yolox-nano', model.buffer, { executionProviders: ['wasm'] });
    const output = (
      await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', input, [1, 3, 416, 416]) })
    )[session.outputNames[0]!]!;
    const reference = new Float32Array(expected.buffer);
    expect(output.dims).toEqual([1, 3549, 85]);
    let worst = 0;
    for (const [i, value] of (output.data as Float32Array).entries())
      worst = Math.max(worst, Math.abs(value - reference[i]!));
    expect(worst).toBeLessThan(1e-3);
    await session.release();
  },
);

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the test data, empty where there is none. */
    testdata: string;
  }
}
