import { axesWords, type FrameKind, type FrameSource, frameCode, frameSampler } from '../frame.gpu.ts';
import { BufferUsage, TextureUsage } from '../gpu-flags.ts';
import code from './composite.wgsl?raw';
import { type Bitmap, type CompositeLayer, type Placement, placeLayer } from './layer.ts';

export interface CompositeGpuOptions {
  /** Of the target, px. */
  width: number;
  height: number;
  /** Of the target's texture. */
  format: GPUTextureFormat;
  /** Of the frames of layers. Default: `external`. */
  kind?: FrameKind;
}

/** The GPU's {@link CompositeCpu}: draws within somebody's render pass. Bitmaps are uploaded when they first show. */
export class CompositeGpu {
  readonly #device: GPUDevice;
  readonly #width: number;
  readonly #height: number;
  readonly #bitmapPipeline: GPURenderPipeline;
  readonly #framePipeline: GPURenderPipeline;
  readonly #sampler: GPUSampler;
  /** Of the bitmaps that the last call drew. */
  readonly #uploads = new Map<Bitmap, Upload>();
  #params: Params | undefined;

  constructor(device: GPUDevice, { width, height, format, kind = 'external' }: CompositeGpuOptions) {
    this.#device = device;
    this.#width = width;
    this.#height = height;
    const module = device.createShaderModule({ label: 'composite', code: frameCode(kind) + code });
    this.#bitmapPipeline = layerPipeline(device, module, format, 'paint_bitmap');
    this.#framePipeline = layerPipeline(device, module, format, 'paint_frame');
    this.#sampler = frameSampler(device);
  }

  /**
   * Sets the pass's viewport too. Layers may change between submits, not between two calls in one submit: what a
   * bitmap that is no longer drawn was uploaded to is destroyed.
   * @param layers undermost first; may reach outside the target on every side. Frames are of this kernel's kind.
   * @throws {RangeError} when a bitmap is larger than a texture of the device can be.
   */
  encode(pass: GPURenderPassEncoder, layers: readonly CompositeLayer<FrameSource>[]): void {
    const drawn: Drawn[] = [];
    for (const layer of layers) {
      const place = placeLayer(layer, this.#width, this.#height);
      if (place) drawn.push({ layer, place });
    }
    if (drawn.length > 0) this.#draw(pass, drawn);
    const shown = new Set(drawn.map(({ layer }) => layer.kind === 'bitmap' && layer.bitmap));
    for (const [bitmap, { texture }] of this.#uploads) {
      if (shown.has(bitmap)) continue;
      texture.destroy();
      this.#uploads.delete(bitmap);
    }
  }

  destroy(): void {
    for (const { texture } of this.#uploads.values()) texture.destroy();
    this.#uploads.clear();
    this.#params?.buffer.destroy();
  }

  #draw(pass: GPURenderPassEncoder, drawn: readonly Drawn[]): void {
    const { bitmapGroup, frameGroup } = this.#writeParams(drawn);
    pass.setViewport(0, 0, this.#width, this.#height, 0, 1);
    for (const [index, { layer }] of drawn.entries()) {
      if (layer.kind === 'bitmap') {
        pass.setPipeline(this.#bitmapPipeline);
        pass.setBindGroup(0, this.#uploadOf(layer.bitmap).group);
        pass.setBindGroup(1, bitmapGroup);
      } else {
        pass.setPipeline(this.#framePipeline);
        pass.setBindGroup(0, this.#frameSourceGroup(layer.frame));
        pass.setBindGroup(1, frameGroup);
      }
      pass.draw(4, 1, 0, index);
    }
  }

  #writeParams(drawn: readonly Drawn[]): Params {
    const bytes = new ArrayBuffer(LAYER_BYTES * drawn.length);
    for (const [index, one] of drawn.entries()) {
      writeLayer(bytes, LAYER_BYTES * index, one, this.#width, this.#height);
    }
    if (!this.#params || this.#params.buffer.size < bytes.byteLength) {
      this.#params?.buffer.destroy();
      this.#params = this.#createParams(bytes.byteLength);
    }
    this.#device.queue.writeBuffer(this.#params.buffer, 0, bytes);
    return this.#params;
  }

  #createParams(size: number): Params {
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ label: 'composite layers', size, usage });
    const groupFor = (pipeline: GPURenderPipeline) =>
      this.#device.createBindGroup({
        layout: pipeline.getBindGroupLayout(1),
        entries: [{ binding: 0, resource: { buffer } }],
      });
    const [bitmapGroup, frameGroup] = [groupFor(this.#bitmapPipeline), groupFor(this.#framePipeline)];
    return { buffer, bitmapGroup, frameGroup };
  }

  #uploadOf(bitmap: Bitmap): Upload {
    let upload = this.#uploads.get(bitmap);
    if (!upload) {
      const texture = uploaded(this.#device, bitmap);
      const group = this.#device.createBindGroup({
        layout: this.#bitmapPipeline.getBindGroupLayout(0),
        entries: [{ binding: 2, resource: texture.createView() }],
      });
      upload = { texture, group };
      this.#uploads.set(bitmap, upload);
    }
    return upload;
  }

  #frameSourceGroup(source: FrameSource): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: this.#framePipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: source },
        { binding: 1, resource: this.#sampler },
      ],
    });
  }
}

interface Drawn {
  layer: CompositeLayer<FrameSource>;
  place: Placement;
}

interface Upload {
  texture: GPUTexture;
  group: GPUBindGroup;
}

/** The layers of a call, as each of the two pipelines takes them. */
interface Params {
  buffer: GPUBuffer;
  bitmapGroup: GPUBindGroup;
  frameGroup: GPUBindGroup;
}

/** Size of `Layer` in composite.wgsl. */
const LAYER_BYTES = 48;

/** @param width, height of the target, px. */
function writeLayer(
  bytes: ArrayBuffer,
  at: number,
  { layer, place }: Drawn,
  width: number,
  height: number,
): void {
  const { shown, left, top } = place;
  const across = (x: number) => (2 * x) / width - 1;
  const down = (y: number) => 1 - (2 * y) / height;
  const drawn = [across(shown.left), down(shown.top), across(shown.right), down(shown.bottom)];
  const floats = new Float32Array(bytes, at, LAYER_BYTES / 4);
  floats.set([...drawn, left, top]);
  if (layer.kind === 'frame') {
    floats.set([layer.width, layer.height], 6);
    new Uint32Array(bytes, at + 32, 3).set(axesWords(layer.view.orientation));
  }
  floats[11] = layer.opacity;
}

function layerPipeline(
  device: GPUDevice,
  module: GPUShaderModule,
  format: GPUTextureFormat,
  entryPoint: string,
): GPURenderPipeline {
  const color: GPUBlendComponent = { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' };
  const alpha: GPUBlendComponent = { srcFactor: 'zero', dstFactor: 'one' };
  return device.createRenderPipeline({
    label: 'composite',
    layout: 'auto',
    vertex: { module },
    fragment: { module, entryPoint, targets: [{ format, blend: { color, alpha } }] },
    primitive: { topology: 'triangle-strip' },
  });
}

function uploaded(device: GPUDevice, { width, height, data }: Bitmap): GPUTexture {
  const most = device.limits.maxTextureDimension2D;
  if (width > most || height > most) {
    throw new RangeError(
      `a bitmap of ${width}×${height}, where this GPU takes at most ${most} across and down`,
    );
  }
  const texture = device.createTexture({
    label: 'composite bitmap',
    size: [width, height],
    format: 'rgba8unorm',
    usage: TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST,
  });
  device.queue.writeTexture({ texture }, data, { bytesPerRow: 4 * width }, [width, height]);
  return texture;
}
