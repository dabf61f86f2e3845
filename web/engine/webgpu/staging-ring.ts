import { BufferUsage, MapMode } from '../../../kernels/index.ts';
import type { Gpu } from './gpu.ts';

/** Reads what was copied; `read` sees memory that is gone when it returns. Call once, after the submit. */
export type ReadBack = <T>(read: (mapped: ArrayBuffer) => T) => Promise<T>;

/**
 * Buffers that bring results back from the GPU, used in turn. There are as many as reads are on their way at a time,
 * so that no frame waits for the one before to be read.
 */
export class StagingRing {
  readonly #gpu: Gpu;
  readonly #byteLength: number;
  #idle: GPUBuffer[] = [];
  #destroyed = false;

  constructor(gpu: Gpu, byteLength: number) {
    this.#gpu = gpu;
    this.#byteLength = byteLength;
  }

  /** @param source COPY_SRC, as long as the ring's buffers. */
  copy(encoder: GPUCommandEncoder, source: GPUBuffer): ReadBack {
    const buffer =
      this.#idle.pop() ??
      this.#gpu.device.createBuffer({
        label: `${source.label} staging`,
        size: this.#byteLength,
        usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
      });
    encoder.copyBufferToBuffer(source, 0, buffer, 0, this.#byteLength);
    return async (read) => {
      await this.#gpu.guard(buffer.mapAsync(MapMode.READ));
      try {
        return read(buffer.getMappedRange());
      } finally {
        buffer.unmap();
        this.#giveBack(buffer);
      }
    };
  }

  /** Reads on their way still end well. */
  destroy(): void {
    this.#destroyed = true;
    for (const buffer of this.#idle.splice(0)) buffer.destroy();
  }

  #giveBack(buffer: GPUBuffer): void {
    if (this.#destroyed) buffer.destroy();
    else this.#idle.push(buffer);
  }
}
