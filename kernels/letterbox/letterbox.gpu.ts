import { axesWords, type FrameKind, type FrameSource, frameCode, frameSampler } from '../frame.gpu.ts';
import { type LetterboxSpec, letterboxGeometry, type View } from '../geometry.ts';
import { BufferUsage } from '../gpu-flags.ts';
import code from './letterbox.wgsl?raw';

/** The GPU's {@link LetterboxCpu}: a frame into a model's input buffer in one compute pass. */
export class LetterboxGpu {
  readonly spec: LetterboxSpec;
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #sampler: GPUSampler;
  readonly #params: GPUBuffer;
  #paramsFor = '';
  #tensor: { buffer: GPUBuffer; group: GPUBindGroup } | undefined;

  constructor(device: GPUDevice, spec: LetterboxSpec, kind: FrameKind = 'external') {
    this.spec = spec;
    this.#device = device;
    this.#pipeline = device.createComputePipeline({
      label: 'letterbox',
      layout: 'auto',
      compute: { module: device.createShaderModule({ label: 'letterbox', code: frameCode(kind) + code }) },
    });
    this.#sampler = frameSampler(device);
    this.#params = device.createBuffer({
      label: 'letterbox params',
      size: PARAMS_BYTES,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    });
  }

  /**
   * Adds one compute pass. Views may change between submits, not between two calls in one submit.
   * @param source the frame, of this kernel's kind.
   * @param out STORAGE, float32 [1, 3, spec.height, spec.width]; every element is written.
   */
  encode(encoder: GPUCommandEncoder, source: FrameSource, view: View, out: GPUBuffer): void {
    this.#setView(view);
    const frame = this.#device.createBindGroup({
      layout: this.#pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: source },
        { binding: 1, resource: this.#sampler },
      ],
    });
    const pass = encoder.beginComputePass({ label: 'letterbox' });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, frame);
    pass.setBindGroup(1, this.#tensorGroup(out));
    pass.dispatchWorkgroups(Math.ceil(this.spec.width / 8), Math.ceil(this.spec.height / 8));
    pass.end();
  }

  destroy(): void {
    this.#params.destroy();
  }

  #setView(view: View): void {
    const { spec } = this;
    const axes = axesWords(view.orientation);
    const key = `${view.displayWidth} ${view.displayHeight} ${axes}`;
    if (key === this.#paramsFor) return;
    const { left, top, width, height } = letterboxGeometry(view, spec);
    const bytes = new ArrayBuffer(PARAMS_BYTES);
    new Uint32Array(bytes, 0, 4).set([...axes, spec.order === 'bgr' ? 1 : 0]);
    new Float32Array(bytes, 16, 12).set([left, top, width, height, ...spec.mean, spec.pad, ...spec.scale, 0]);
    new Uint32Array(bytes, 64, 2).set([spec.width, spec.height]);
    this.#device.queue.writeBuffer(this.#params, 0, bytes);
    this.#paramsFor = key;
  }

  #tensorGroup(buffer: GPUBuffer): GPUBindGroup {
    if (this.#tensor?.buffer !== buffer) {
      const group = this.#device.createBindGroup({
        layout: this.#pipeline.getBindGroupLayout(1),
        entries: [
          { binding: 0, resource: { buffer: this.#params } },
          { binding: 1, resource: { buffer } },
        ],
      });
      this.#tensor = { buffer, group };
    }
    return this.#tensor.group;
  }
}

/** Size of `Params` in letterbox.wgsl, rounded up to its alignment of 16. */
const PARAMS_BYTES = 80;
