import {
  type ColorSpec,
  i420GpuLayout,
  type PlaneLayout,
  RgbToI420Gpu,
  TextureUsage,
} from '../../../kernels/index.ts';
import { BT709_LIMITED } from '../backend/frame-format.ts';
import type { Gpu } from './gpu.ts';
import { StagingRing } from './staging-ring.ts';

/** What a new frame takes over from the one it was made of, which is closed by then. Microseconds. */
export interface FrameStamp {
  timestamp: number;
  duration: number | null;
}

export interface PictureShape {
  width: number;
  height: number;
  /** Of the planes, where the frame has planes. */
  matrix: 'bt601' | 'bt709';
}

/** How a drawn picture becomes a `VideoFrame`; which way is faster, only the machine tells. */
export interface FrameOut {
  /** Of the texture that is drawn to. */
  readonly format: GPUTextureFormat;
  /**
   * Lets `draw` add its pass to `encoder` and submits it, all before this returns; the frame may come later. The
   * caller owns it. Frames come in the order of the calls.
   */
  submit(
    encoder: GPUCommandEncoder,
    draw: (target: GPUTextureView) => void,
    stamp: FrameStamp,
  ): Promise<VideoFrame>;
  destroy(): void;
}

export type FrameOutWay = 'canvas' | 'planes';

export const createFrameOut = (way: FrameOutWay, gpu: Gpu, shape: PictureShape): FrameOut =>
  way === 'canvas' ? new CanvasOut(gpu, shape) : new PlanesOut(gpu, shape);

/** Drawn onto a canvas whose texture becomes the frame: nothing leaves the GPU when the encoder takes it there. */
class CanvasOut implements FrameOut {
  readonly format = navigator.gpu.getPreferredCanvasFormat();
  readonly #gpu: Gpu;
  readonly #canvas: OffscreenCanvas;
  readonly #context: GPUCanvasContext;

  constructor(gpu: Gpu, { width, height }: PictureShape) {
    this.#gpu = gpu;
    this.#canvas = new OffscreenCanvas(width, height);
    const context = this.#canvas.getContext('webgpu');
    if (!(context instanceof GPUCanvasContext)) throw new Error('the canvas gives no WebGPU context');
    this.#context = context;
    context.configure({ device: gpu.device, format: this.format, alphaMode: 'opaque' });
  }

  async submit(
    encoder: GPUCommandEncoder,
    draw: (target: GPUTextureView) => void,
    stamp: FrameStamp,
  ): Promise<VideoFrame> {
    draw(this.#context.getCurrentTexture().createView());
    this.#gpu.device.queue.submit([encoder.finish()]);
    // In the task of the submit, and without a wait for it: the canvas is empty in the next one.
    return new VideoFrame(this.#canvas, { ...initOf(stamp), alpha: 'discard' });
  }

  destroy(): void {
    this.#context.unconfigure();
  }
}

/** Drawn to a texture, turned to I420 there and read back: for encoders that take their pictures from memory. */
class PlanesOut implements FrameOut {
  readonly format = 'rgba8unorm';
  readonly #gpu: Gpu;
  readonly #shape: PictureShape;
  readonly #layout: PlaneLayout[];
  readonly #texture: GPUTexture;
  readonly #target: GPUTextureView;
  readonly #kernel: RgbToI420Gpu;
  readonly #ring: StagingRing;

  constructor(gpu: Gpu, shape: PictureShape) {
    const { width, height, matrix } = shape;
    const { byteLength, layout } = i420GpuLayout(width, height);
    const color: ColorSpec = { matrix, fullRange: false };
    this.#gpu = gpu;
    this.#shape = shape;
    this.#layout = layout;
    this.#texture = gpu.device.createTexture({
      label: 'picture',
      size: [width, height],
      format: this.format,
      usage: TextureUsage.RENDER_ATTACHMENT | TextureUsage.TEXTURE_BINDING,
    });
    this.#target = this.#texture.createView();
    this.#kernel = new RgbToI420Gpu(gpu.device, width, height, color);
    this.#ring = new StagingRing(gpu, byteLength);
  }

  async submit(
    encoder: GPUCommandEncoder,
    draw: (target: GPUTextureView) => void,
    stamp: FrameStamp,
  ): Promise<VideoFrame> {
    draw(this.#target);
    this.#kernel.encode(encoder, this.#texture);
    const read = this.#ring.copy(encoder, this.#kernel.output);
    this.#gpu.device.queue.submit([encoder.finish()]);
    const { width, height, matrix } = this.#shape;
    return read(
      (planes) =>
        new VideoFrame(planes, {
          ...initOf(stamp),
          format: 'I420',
          codedWidth: width,
          codedHeight: height,
          layout: this.#layout,
          // An imported frame comes as sRGB whatever it was, so only the matrix can still be the source's.
          colorSpace: { ...BT709_LIMITED, matrix: matrix === 'bt601' ? 'smpte170m' : 'bt709' },
        }),
    );
  }

  destroy(): void {
    this.#ring.destroy();
    this.#kernel.destroy();
    this.#texture.destroy();
  }
}

const initOf = ({ timestamp, duration }: FrameStamp) => ({
  timestamp,
  ...(duration !== null && { duration }),
});
