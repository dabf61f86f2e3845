import { expect, it } from 'vitest';
import { pictureOver } from '../picture.ts';
import { BT709, seeded, whole, worstDifference } from '../testing.ts';
import { onDevice, rgbaTexture, runAndReadTexture, storageBuffer } from '../testing-gpu.ts';
import { DepthColorCpu } from './depth-color.cpu.ts';
import { DepthColorGpu } from './depth-color.gpu.ts';

it('the GPU colours a map as its CPU twin does, over a part of the target and nothing else', () =>
  onDevice(async (device) => {
    const random = seeded(41);
    for (const opacity of [1, 0.5]) {
      const [width, height] = [whole(random, 40, 90), whole(random, 30, 70)];
      const [left, top] = [whole(random, 0, 20), whole(random, 0, 20)];
      const [across, down] = [left + width + 7, top + height + 5];
      const map = { width: whole(random, 1, 20), height: whole(random, 1, 20) };
      const shares = Float32Array.from({ length: map.width * map.height }, random);
      const under = new Uint8Array(4 * across * down).map((_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256));

      const target = rgbaTexture(device, across, down, under);
      const kernel = new DepthColorGpu(device, 'rgba8unorm', { left, top, width, height }, opacity);
      const buffer = storageBuffer(device, shares);
      const pixels = await runAndReadTexture(device, target, (encoder) => {
        const pass = encoder.beginRenderPass({
          colorAttachments: [{ view: target.createView(), loadOp: 'load', storeOp: 'store' }],
        });
        kernel.encode(pass, { shares: buffer, ...map });
        pass.end();
      });
      kernel.destroy();

      const expected = under.slice();
      const layout = [{ offset: 4 * (top * across + left), stride: 4 * across }];
      const picture = pictureOver(expected.buffer, 'RGBA', width, height, BT709, layout);
      new DepthColorCpu().draw(picture, { shares, ...map }, opacity);
      expect(worstDifference(pixels, expected)).toBeLessThanOrEqual(2);
    }
  }));
