import { BufferUsage } from '../gpu-flags.ts';
import type { DepthPercentiles, DepthRect } from './depth-range.cpu.ts';
import code from './depth-range.wgsl?raw';

export interface DepthRangeGpuOptions {
  /** Of the map, px. */
  width: number;
  height: number;
  larger: 'nearer' | 'farther';
  /** See `smoothingStep`. */
  step: number;
}

/** The GPU's `depthPercentilesCpu`, `smoothRange` and `depthSharesCpu` in one; the range lives on from frame to frame. */
export class DepthRangeGpu {
  /** What a frame's percentiles are copied from, {@link DEPTH_RANGE_BYTES} long, COPY_SRC; read by `readDepthRange`. */
  readonly output: GPUBuffer;
  readonly #device: GPUDevice;
  readonly #options: DepthRangeGpuOptions;
  readonly #params: GPUBuffer;
  readonly #state: GPUBuffer;
  readonly #bins: GPUBuffer;
  readonly #layout: GPUBindGroupLayout;
  readonly #sharesLayout: GPUBindGroupLayout;
  readonly #count: GPUComputePipeline;
  readonly #pick: GPUComputePipeline;
  readonly #share: GPUComputePipeline;
  #rectFor = '';
  #map: { buffer: GPUBuffer; group: GPUBindGroup } | undefined;

  constructor(device: GPUDevice, options: DepthRangeGpuOptions) {
    this.#device = device;
    this.#options = options;
    const module = device.createShaderModule({ label: 'depth range', code });
    const storage = (binding: number, type: GPUBufferBindingType) => ({
      binding,
      visibility: COMPUTE,
      buffer: { type },
    });
    this.#layout = device.createBindGroupLayout({
      label: 'depth range',
      entries: [
        storage(0, 'uniform'),
        storage(1, 'read-only-storage'),
        storage(2, 'storage'),
        storage(3, 'storage'),
        storage(4, 'storage'),
      ],
    });
    this.#sharesLayout = device.createBindGroupLayout({
      label: 'depth shares',
      entries: [storage(0, 'storage')],
    });
    const pipeline = (entryPoint: string, bindGroupLayouts: GPUBindGroupLayout[]) =>
      device.createComputePipeline({
        label: `depth ${entryPoint}`,
        layout: device.createPipelineLayout({ bindGroupLayouts }),
        compute: { module, entryPoint },
      });
    this.#count = pipeline('count', [this.#layout]);
    this.#pick = pipeline('pick', [this.#layout]);
    this.#share = pipeline('share', [this.#layout, this.#sharesLayout]);
    const buffer = (label: string, size: number, usage: GPUBufferUsageFlags) =>
      device.createBuffer({ label: `depth ${label}`, size, usage });
    this.#params = buffer('params', 32, BufferUsage.UNIFORM | BufferUsage.COPY_DST);
    this.#state = buffer('state', 48, BufferUsage.STORAGE);
    this.#bins = buffer('bins', 4 * RANKS * BINS, BufferUsage.STORAGE);
    this.output = buffer('range', DEPTH_RANGE_BYTES, BufferUsage.STORAGE | BufferUsage.COPY_SRC);
  }

  /**
   * Adds one compute pass. Rectangles may change between submits, not between two calls in one submit.
   * @param map STORAGE, float32 [height, width].
   * @param rect the part of the map that shows the picture.
   * @param shares STORAGE, float32, `rect.height · rect.width` or longer; see `depthSharesCpu`.
   */
  encode(encoder: GPUCommandEncoder, map: GPUBuffer, rect: DepthRect, shares: GPUBuffer): void {
    this.#setRect(rect);
    const group = this.#groupOf(map);
    const sharesGroup = this.#device.createBindGroup({
      layout: this.#sharesLayout,
      entries: [{ binding: 0, resource: { buffer: shares } }],
    });
    const groups = Math.min(MOST_GROUPS, Math.ceil((rect.width * rect.height) / 256));
    const pass = encoder.beginComputePass({ label: 'depth range' });
    pass.setBindGroup(0, group);
    for (let level = 0; level < 3; level++) {
      pass.setPipeline(this.#count);
      pass.dispatchWorkgroups(groups);
      pass.setPipeline(this.#pick);
      pass.dispatchWorkgroups(1);
    }
    pass.setPipeline(this.#share);
    pass.setBindGroup(1, sharesGroup);
    pass.dispatchWorkgroups(groups);
    pass.end();
  }

  destroy(): void {
    for (const buffer of [this.#params, this.#state, this.#bins, this.output]) buffer.destroy();
  }

  #setRect({ left, top, width, height }: DepthRect): void {
    const key = [left, top, width, height].join();
    if (key === this.#rectFor) return;
    const { width: mapWidth, larger, step } = this.#options;
    const bytes = new ArrayBuffer(32);
    new Uint32Array(bytes).set([left, top, width, height, mapWidth, larger === 'farther' ? 1 : 0]);
    new Float32Array(bytes)[6] = step;
    this.#device.queue.writeBuffer(this.#params, 0, bytes);
    this.#rectFor = key;
  }

  /** The model's output may be another buffer each time: onnxruntime takes them from a pool, so the last is kept. */
  #groupOf(map: GPUBuffer): GPUBindGroup {
    if (this.#map?.buffer !== map) {
      const buffers = [this.#params, map, this.#state, this.#bins, this.output];
      const group = this.#device.createBindGroup({
        layout: this.#layout,
        entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
      });
      this.#map = { buffer: map, group };
    }
    return this.#map.group;
  }
}

/** As in depth-range.wgsl. */
const RANKS = 5;
const BINS = 2048;
/** `GPUShaderStage.COMPUTE`, which only browsers define. */
const COMPUTE = 4;
/** Invocations stride over the map, so that the largest fits. */
const MOST_GROUPS = 1024;

export const DEPTH_RANGE_BYTES = 32;

/**
 * Reads {@link DepthRangeGpu.output}.
 * @param bytes mapped staging memory. @returns null when no frame had a finite value yet.
 */
export function readDepthRange(bytes: ArrayBuffer): DepthPercentiles | null {
  const [min, p2, p50, p98, max, , , known] = new Float32Array(bytes, 0, 8);
  return known ? { min: min!, p2: p2!, p50: p50!, p98: p98!, max: max! } : null;
}
