import { BufferUsage, MapMode, TextureUsage } from './gpu-flags.ts';

/** What the kernels' WebGPU tests share. Not part of the door. */

/** Runs `body` on a device of its own; fails on any validation error; always destroys the device. */
export async function onDevice<T>(body: (device: GPUDevice) => Promise<T>): Promise<T> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error('this browser offers no WebGPU adapter: see the flags in vitest.config.ts');
  const device = await adapter.requestDevice();
  try {
    device.pushErrorScope('validation');
    const [outcome] = await Promise.allSettled([body(device)]);
    // A validation error explains whatever assertion failed after it, so it comes first.
    const error = await device.popErrorScope();
    if (error) throw new Error(error.message);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  } finally {
    device.destroy();
  }
}

/** Submits what `encode` adds, then reads a buffer that has COPY_SRC. */
export async function runAndRead(
  device: GPUDevice,
  buffer: GPUBuffer,
  encode: (encoder: GPUCommandEncoder) => void,
): Promise<ArrayBuffer> {
  const staging = device.createBuffer({
    size: buffer.size,
    usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encode(encoder);
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(MapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}

/** Like {@link runAndRead} for an rgba8unorm texture that has COPY_SRC; rows tightly packed. */
export async function runAndReadTexture(
  device: GPUDevice,
  texture: GPUTexture,
  encode: (encoder: GPUCommandEncoder) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height } = texture;
  const bytesPerRow = 256 * Math.ceil((4 * width) / 256);
  const buffer = device.createBuffer({
    size: bytesPerRow * height,
    usage: BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
  });
  const padded = await runAndRead(device, buffer, (encoder) => {
    encode(encoder);
    encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
  });
  const rows = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++)
    rows.set(new Uint8Array(padded, y * bytesPerRow, 4 * width), 4 * width * y);
  return rows;
}

export function storageBuffer(device: GPUDevice, data: Float32Array<ArrayBuffer> | number): GPUBuffer {
  const buffer = device.createBuffer({
    size: typeof data === 'number' ? data : data.byteLength,
    usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
  });
  if (typeof data !== 'number') device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

/** An rgba8unorm texture that can be drawn to, sampled and read. */
export function rgbaTexture(
  device: GPUDevice,
  width: number,
  height: number,
  pixels?: Uint8Array<ArrayBuffer>,
): GPUTexture {
  const texture = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage:
      TextureUsage.TEXTURE_BINDING |
      TextureUsage.RENDER_ATTACHMENT |
      TextureUsage.COPY_SRC |
      TextureUsage.COPY_DST,
  });
  if (pixels) device.queue.writeTexture({ texture }, pixels, { bytesPerRow: 4 * width }, [width, height]);
  return texture;
}
