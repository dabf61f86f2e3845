import { describe, expect, it } from 'vitest';
import { EdgeRunnerError } from '../protocol/errors.ts';
import { readOnnxHeader } from './onnx-header.ts';
import { tinyOnnx, tinyYolox } from './testing/tiny-onnx.ts';

const refusal = (bytes: Uint8Array) => {
  try {
    readOnnxHeader(bytes);
  } catch (error) {
    if (error instanceof EdgeRunnerError) return error.code;
    throw error;
  }
  return 'accepted';
};

describe('readOnnxHeader', () => {
  it('reads inputs, outputs, operators, opset, producer and metadata', () => {
    const header = readOnnxHeader(
      tinyYolox({ metadata: { stride: '32' }, operators: ['Conv', 'Sigmoid', 'Conv'], opset: 11 }),
    );
    expect(header.inputs).toEqual([{ name: 'images', type: 'float', dims: [1, 3, 64, 64] }]);
    expect(header.outputs).toEqual([{ name: 'output', type: 'float', dims: [1, 84, 85] }]);
    expect([...header.operators]).toEqual(['Conv', 'Sigmoid']);
    expect(header.metadata.get('stride')).toBe('32');
    expect(header.opset).toBe(11);
    expect(header.producer).toBe('tiny');
    expect(header.externalData).toBe(false);
  });

  it('leaves out graph inputs that are initialisers', () => {
    const header = readOnnxHeader(
      tinyYolox({
        inputs: [
          { name: 'w', dims: [4] },
          { name: 'images', dims: [1, 3, 64, 64] },
        ],
        initializers: [{ name: 'w' }],
      }),
    );
    expect(header.inputs.map(({ name }) => name)).toEqual(['images']);
  });

  it('takes named, zero and negative dimensions as dynamic, and tells a missing shape from an empty one', () => {
    const header = readOnnxHeader(
      tinyOnnx({ inputs: [{ dims: ['batch', 3, 0, -1] }], outputs: [{ dims: null }, { dims: [] }] }),
    );
    expect(header.inputs[0]!.dims).toEqual([null, 3, null, null]);
    expect(header.outputs.map(({ dims }) => dims)).toEqual([null, []]);
  });

  it('says when weights lie in another file', () => {
    expect(readOnnxHeader(tinyYolox({ initializers: [{ name: 'w', external: true }] })).externalData).toBe(
      true,
    );
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello world, this is no model\n'],
    ['a web page', '<!DOCTYPE html><html><body>Sign in</body></html>'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'],
    ['a zip archive', 'PK\u0003\u0004\u0014\u0000\u0000\u0000'],
  ])('refuses %s', (_, content) => {
    expect(refusal(new TextEncoder().encode(content))).toBe('model-invalid');
  });

  it('refuses a model cut at any byte, and never throws anything but model-invalid', () => {
    const whole = tinyYolox({ initializers: [{ name: 'w', bytes: 40 }] });
    for (let length = 0; length < whole.length; length++)
      expect(refusal(whole.subarray(0, length)), `cut at ${length} of ${whole.length}`).toBe('model-invalid');
    expect(refusal(whole)).toBe('accepted');
  });

  it('survives any single byte being wrong', () => {
    const whole = tinyYolox();
    for (let at = 0; at < whole.length; at++)
      for (const wrong of [0, 127, 128, 255]) {
        const broken = whole.slice();
        broken[at] = wrong;
        expect(['accepted', 'model-invalid']).toContain(refusal(broken));
      }
  });

  it('refuses a length of almost 2^64 without reading past the end', () => {
    expect(refusal(Uint8Array.from([0x3a, ...Array(9).fill(255), 1, 0]))).toBe('model-invalid');
  });
});
