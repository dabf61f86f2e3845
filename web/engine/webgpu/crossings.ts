import { MapMode } from '../../../kernels/index.ts';

/** Bytes between the processor's memory and the GPU's, as the page asks for them. */
export interface Crossings {
  toGpu: number;
  toCpu: number;
}

/**
 * Counts every byte that crosses on a device from now on, whoever causes it: our kernels, onnxruntime, code to come.
 * Only what the browser does by itself is not seen: whether an imported frame was copied stands in its own trace
 * (`disabled-by-default-webgpu`, event `CreateExternalTexture`).
 */
export function countCrossings(device: GPUDevice): Crossings {
  const crossings: Crossings = { toGpu: 0, toCpu: 0 };
  const { queue } = device;
  // Own properties in front of the prototype's: nothing else lets a page see what libraries do with its device.
  const writeBuffer = queue.writeBuffer.bind(queue) as (...args: unknown[]) => undefined;
  queue.writeBuffer = (buffer: GPUBuffer, offset: number, data: unknown, start = 0, size?: number) => {
    crossings.toGpu += writtenBytes(data as ArrayBuffer | ArrayBufferView, start, size);
    return writeBuffer(buffer, offset, data, start, size);
  };
  const writeTexture = queue.writeTexture.bind(queue) as (...args: unknown[]) => undefined;
  queue.writeTexture = (
    destination: unknown,
    data: { byteLength: number },
    layout: unknown,
    size: unknown,
  ) => {
    crossings.toGpu += data.byteLength;
    return writeTexture(destination, data, layout, size);
  };
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    if (descriptor.mappedAtCreation) crossings.toGpu += descriptor.size;
    const mapAsync = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = async (mode, offset = 0, size = buffer.size - offset) => {
      await mapAsync(mode, offset, size);
      if (mode === MapMode.READ) crossings.toCpu += size;
      else crossings.toGpu += size;
    };
    return buffer;
  };
  return crossings;
}

/** @param start and `size` in elements of a typed array, in bytes of anything else. */
function writtenBytes(data: ArrayBuffer | ArrayBufferView, start: number, size: number | undefined): number {
  const element = 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
  return size === undefined ? data.byteLength - start * element : size * element;
}
