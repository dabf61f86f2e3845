import { BufferUsage, MapMode } from '../../../../kernels/index.ts';

/**
 * The GPU's own clock around commands, where the adapter has timestamp queries: two empty passes, one before and one
 * after, since the kernels' passes are their own.
 */
export class GpuClock {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  private constructor(device: GPUDevice) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = device.createBuffer({
      size: 16,
      usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC,
    });
    this.#staging = device.createBuffer({ size: 16, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
  }

  /** @returns null where the device has no timestamp queries. */
  static of(device: GPUDevice): GpuClock | null {
    return device.features.has('timestamp-query') ? new GpuClock(device) : null;
  }

  /** Submits what `work` adds and waits for it. @returns milliseconds; null when the clock stood still. */
  async time(work: (encoder: GPUCommandEncoder) => void): Promise<number | null> {
    const encoder = this.#device.createCommandEncoder({ label: 'timed' });
    this.#stamp(encoder, { beginningOfPassWriteIndex: 0 });
    work(encoder);
    this.#stamp(encoder, { endOfPassWriteIndex: 1 });
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
    this.#device.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(MapMode.READ);
    const [began, ended] = new BigInt64Array(this.#staging.getMappedRange()) as unknown as [bigint, bigint];
    const ms = Number(ended - began) / 1e6;
    this.#staging.unmap();
    return ms > 0 ? ms : null;
  }

  destroy(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }

  #stamp(encoder: GPUCommandEncoder, at: Omit<GPUComputePassTimestampWrites, 'querySet'>): void {
    encoder.beginComputePass({ timestampWrites: { querySet: this.#queries, ...at } }).end();
  }
}
