import { expect, it } from 'vitest';
import { BufferUsage, MapMode } from '../../../kernels/index.ts';
import { onDevice } from '../../../kernels/testing-gpu.ts';
import { countCrossings } from './crossings.ts';

it('bytes written, mapped and read back are counted, bytes copied on the GPU are not', async () => {
  await onDevice(async (device) => {
    const crossings = countCrossings(device);
    const source = device.createBuffer({ size: 64, usage: BufferUsage.COPY_SRC | BufferUsage.COPY_DST });
    const staging = device.createBuffer({ size: 64, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
    device.queue.writeBuffer(source, 0, new Float32Array([0, 1, 2, 3, 4, 5, 6, 7]), 2, 4);
    expect(crossings).toEqual({ toGpu: 16, toCpu: 0 });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, 64);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MapMode.READ);
    expect([...new Float32Array(staging.getMappedRange(0, 16))]).toEqual([2, 3, 4, 5]);
    staging.unmap();
    expect(crossings).toEqual({ toGpu: 16, toCpu: 64 });
    device.createBuffer({ size: 32, usage: BufferUsage.STORAGE, mappedAtCreation: true }).unmap();
    expect(crossings).toEqual({ toGpu: 48, toCpu: 64 });
  });
});
