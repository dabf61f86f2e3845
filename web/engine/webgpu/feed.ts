import { BufferUsage, LetterboxGpu, type LetterboxSpec, type View } from '../../../kernels/index.ts';
import type { Gpu } from './gpu.ts';

/** One letterboxed picture on the GPU: the input of every model that wants it so. */
export class Feed {
  /** float32 [1, 3, height, width]; holds the frame that was fed last. */
  readonly buffer: GPUBuffer;
  readonly #letterbox: LetterboxGpu;

  constructor(gpu: Gpu, spec: LetterboxSpec) {
    this.buffer = gpu.device.createBuffer({
      label: 'model input',
      size: 4 * 3 * spec.width * spec.height,
      // COPY_* are onnxruntime's own demand.
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    this.#letterbox = new LetterboxGpu(gpu.device, spec);
  }

  /** Adds the frame's way into the buffer; the frame is not needed after the submit. */
  encode(encoder: GPUCommandEncoder, source: GPUExternalTexture, view: View): void {
    this.#letterbox.encode(encoder, source, view, this.buffer);
  }

  destroy(): void {
    this.#letterbox.destroy();
    this.buffer.destroy();
  }
}
