import { expect, it } from 'vitest';
import { pictureOver, UPRIGHT } from '../picture.ts';
import { BT601, BT709, noisePicture, sampleAt, seeded, whole } from '../testing.ts';
import { onDevice, rgbaTexture, runAndRead } from '../testing-gpu.ts';
import { toI420Cpu } from '../to-i420/to-i420.cpu.ts';
import { i420GpuLayout, RgbToI420Gpu } from './rgb-to-i420.gpu.ts';

it('the GPU makes I420 as the CPU twin does, odd sizes included', () =>
  onDevice(async (device) => {
    const random = seeded(31);
    for (const color of [BT709, BT601, { ...BT601, fullRange: true }]) {
      for (const [width, height] of [
        [64, 32],
        [whole(random, 1, 70), whole(random, 1, 40)],
        [2 * whole(random, 1, 30) + 1, 2 * whole(random, 1, 20) + 1],
      ] as const) {
        const source = noisePicture(random, 'RGBA', width, height);
        const texture = rgbaTexture(device, width, height, source.planes[0].data as Uint8Array<ArrayBuffer>);
        const kernel = new RgbToI420Gpu(device, width, height, color);
        const bytes = await runAndRead(device, kernel.output, (encoder) => kernel.encode(encoder, texture));
        kernel.destroy();

        const { byteLength, layout } = i420GpuLayout(width, height);
        expect(bytes.byteLength).toBe(byteLength);
        const found = pictureOver(bytes, 'I420', width, height, color, layout);
        const expected = pictureOver(new ArrayBuffer(byteLength), 'I420', width, height, color, layout);
        toI420Cpu(source, UPRIGHT, expected);
        let worst = 0;
        for (const plane of [0, 1, 2] as const) {
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              worst = Math.max(
                worst,
                Math.abs(sampleAt(found, plane, x, y) - sampleAt(expected, plane, x, y)),
              );
            }
          }
        }
        expect(worst).toBeLessThanOrEqual(1);
      }
    }
  }));

it('a VideoFrame takes the planes as they lie', async () => {
  const [width, height] = [22, 15];
  const { byteLength, layout } = i420GpuLayout(width, height);
  const picture = noisePicture(seeded(32), 'I420', width, height);
  const padded = pictureOver(new ArrayBuffer(byteLength), 'I420', width, height, BT709, layout);
  toI420Cpu(picture, UPRIGHT, padded);
  const frame = new VideoFrame(padded.planes[0].data.buffer as ArrayBuffer, {
    format: 'I420',
    codedWidth: width,
    codedHeight: height,
    layout,
    timestamp: 0,
  });
  const tight = new Uint8Array(frame.allocationSize());
  await frame.copyTo(tight);
  frame.close();
  expect([...tight]).toEqual([...picture.planes[0].data]);
});
