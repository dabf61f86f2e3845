import { BufferUsage } from '../gpu-flags.ts';
import code from './depth-color.wgsl?raw';
import { INFERNO } from './inferno.ts';

/** A map on the GPU: shares of the range, 0 far to 1 near (`DepthRangeGpu`), float32 [height, width]. */
export interface DepthBuffer {
  shares: GPUBuffer;
  width: number;
  height: number;
}

/** Part of a target, px. */
export interface Viewport {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The GPU's {@link DepthColorCpu}: draws within somebody's render pass. */
export class DepthColorGpu {
  readonly #device: GPUDevice;
  readonly #pipeline: GPURenderPipeline;
  readonly #viewport: Viewport;
  readonly #opacity: number;
  readonly #params: GPUBuffer;
  readonly #colors: GPUBuffer;
  #paramsFor = '';

  /** @param format of the target's texture. @param opacity 0 to 1; 1 leaves nothing of what is there. */
  constructor(device: GPUDevice, format: GPUTextureFormat, viewport: Viewport, opacity: number) {
    this.#device = device;
    this.#viewport = viewport;
    this.#opacity = opacity;
    const module = device.createShaderModule({ label: 'depth color', code });
    const color: GPUBlendComponent = { srcFactor: 'src-alpha', dstFactor: 'one-minus-src-alpha' };
    const alpha: GPUBlendComponent = { srcFactor: 'zero', dstFactor: 'one' };
    this.#pipeline = device.createRenderPipeline({
      label: 'depth color',
      layout: 'auto',
      vertex: { module },
      fragment: { module, targets: [{ format, blend: { color, alpha } }] },
    });
    const usage = BufferUsage.UNIFORM | BufferUsage.COPY_DST;
    this.#params = device.createBuffer({ label: 'depth color params', size: 32, usage });
    this.#colors = device.createBuffer({ label: 'depth colors', size: 16 * INFERNO.length, usage });
    const colors = INFERNO.flatMap((rgb) => [...rgb.map((value) => value / 255), 1]);
    device.queue.writeBuffer(this.#colors, 0, Float32Array.from(colors));
  }

  /** Sets the pass's viewport too. Sizes of maps may change between submits, not between two calls in one. */
  encode(pass: GPURenderPassEncoder, { shares, width, height }: DepthBuffer): void {
    const { left, top, width: across, height: down } = this.#viewport;
    if (this.#paramsFor !== `${width} ${height}`) {
      const bytes = new ArrayBuffer(32);
      new Float32Array(bytes).set([left, top, across, down]);
      new Uint32Array(bytes, 16).set([width, height]);
      new Float32Array(bytes)[6] = this.#opacity;
      this.#device.queue.writeBuffer(this.#params, 0, bytes);
      this.#paramsFor = `${width} ${height}`;
    }
    pass.setViewport(left, top, across, down, 0, 1);
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(
      0,
      this.#device.createBindGroup({
        layout: this.#pipeline.getBindGroupLayout(0),
        entries: [this.#params, this.#colors, shares].map((buffer, binding) => ({
          binding,
          resource: { buffer },
        })),
      }),
    );
    pass.draw(3);
  }

  destroy(): void {
    this.#params.destroy();
    this.#colors.destroy();
  }
}
