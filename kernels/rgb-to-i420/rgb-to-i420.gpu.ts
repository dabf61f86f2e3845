import { rgbToSamples } from '../color.ts';
import { BufferUsage } from '../gpu-flags.ts';
import type { ColorSpec, PlaneLayout } from '../picture.ts';
import code from './rgb-to-i420.wgsl?raw';

/**
 * How {@link RgbToI420Gpu} lays its planes out, bytes: luma rows start every multiple of 8, chroma rows every
 * multiple of 4. Goes as it is into `new VideoFrame(…, {format: 'I420', layout})` and `pictureOver`.
 */
export function i420GpuLayout(width: number, height: number): { byteLength: number; layout: PlaneLayout[] } {
  const stride = 8 * Math.ceil(width / 8);
  const chroma = { stride: stride / 2, bytes: (stride / 2) * Math.ceil(height / 2) };
  return {
    byteLength: stride * height + 2 * chroma.bytes,
    layout: [
      { offset: 0, stride },
      { offset: stride * height, stride: chroma.stride },
      { offset: stride * height + chroma.bytes, stride: chroma.stride },
    ],
  };
}

/** An RGB texture as I420 in a buffer, ready to be copied into staging memory: the way out to CPU encoders. */
export class RgbToI420Gpu {
  /** STORAGE | COPY_SRC, `i420GpuLayout(width, height).byteLength` bytes. Valid after the pass. */
  readonly output: GPUBuffer;
  readonly #device: GPUDevice;
  readonly #width: number;
  readonly #height: number;
  readonly #pipeline: GPUComputePipeline;
  readonly #params: GPUBuffer;
  #source: { texture: GPUTexture; group: GPUBindGroup } | undefined;

  /** @param color matrix and range of the I420 that is made. */
  constructor(device: GPUDevice, width: number, height: number, color: ColorSpec) {
    this.#device = device;
    this.#width = width;
    this.#height = height;
    this.#pipeline = device.createComputePipeline({
      label: 'rgb-to-i420',
      layout: 'auto',
      compute: { module: device.createShaderModule({ label: 'rgb-to-i420', code }) },
    });
    const { byteLength, layout } = i420GpuLayout(width, height);
    this.output = device.createBuffer({
      label: 'i420',
      size: byteLength,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC,
    });
    this.#params = device.createBuffer({
      label: 'rgb-to-i420 params',
      size: 80,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    });
    const bytes = new ArrayBuffer(80);
    const words = [width, height, layout[0]!.stride / 4, layout[1]!.offset / 4, layout[2]!.offset / 4];
    new Uint32Array(bytes).set(words);
    new Float32Array(bytes, 32).set(rgbToSamples(color, 8));
    device.queue.writeBuffer(this.#params, 0, bytes);
  }

  /**
   * Adds one compute pass, which fills `output`.
   * @param source TEXTURE_BINDING, an 8-bit unorm format, of this kernel's size.
   */
  encode(encoder: GPUCommandEncoder, source: GPUTexture): void {
    const pass = encoder.beginComputePass({ label: 'rgb-to-i420' });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#groupOf(source));
    pass.dispatchWorkgroups(Math.ceil(this.#width / 64), Math.ceil(this.#height / 16));
    pass.end();
  }

  destroy(): void {
    this.output.destroy();
    this.#params.destroy();
  }

  #groupOf(texture: GPUTexture): GPUBindGroup {
    if (this.#source?.texture !== texture) {
      const group = this.#device.createBindGroup({
        layout: this.#pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: this.#params } },
          { binding: 1, resource: texture.createView() },
          { binding: 2, resource: { buffer: this.output } },
        ],
      });
      this.#source = { texture, group };
    }
    return this.#source.group;
  }
}
