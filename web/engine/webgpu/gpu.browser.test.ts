import { expect, it } from 'vitest';
import { BufferUsage } from '../../../kernels/index.ts';
import { StagingRing } from './staging-ring.ts';
import { openGpu } from './testing.ts';

it('a lost device rejects what waits for it, and all that comes after', async () => {
  const gpu = await openGpu();
  const waiting = gpu.guard(new Promise<void>(() => {}));
  gpu.device.destroy();
  await expect(waiting).rejects.toMatchObject({ code: 'engine-fault' });
  expect(gpu.failed).toBe(true);
  expect(() => gpu.throwIfFailed()).toThrow(/lost/);
  await expect(gpu.guard(Promise.resolve())).rejects.toMatchObject({ code: 'engine-fault' });
});

it('a device that is closed is no failure', async () => {
  const gpu = await openGpu();
  gpu.close();
  await gpu.device.lost;
  expect(gpu.failed).toBe(false);
});

it('a command that WebGPU refuses fails the job with its words', async () => {
  const gpu = await openGpu();
  const waiting = gpu.guard(new Promise<void>(() => {}));
  gpu.device.createBuffer({ label: 'refused', size: 4, usage: BufferUsage.MAP_READ | BufferUsage.UNIFORM });
  gpu.device.queue.submit([]);
  await expect(waiting).rejects.toThrow(/refused/);
  gpu.close();
});

it('reads on their way at a time each get their own bytes, and end well after the ring', async () => {
  const gpu = await openGpu();
  const { device } = gpu;
  const ring = new StagingRing(gpu, 4);
  const source = device.createBuffer({ size: 4, usage: BufferUsage.COPY_SRC | BufferUsage.COPY_DST });
  const reads = [7, 8, 9].map((value) => {
    device.queue.writeBuffer(source, 0, Uint32Array.of(value));
    const encoder = device.createCommandEncoder();
    const read = ring.copy(encoder, source);
    device.queue.submit([encoder.finish()]);
    return read((mapped) => new Uint32Array(mapped)[0]);
  });
  ring.destroy();
  expect(await Promise.all(reads)).toEqual([7, 8, 9]);
  gpu.close();
});
