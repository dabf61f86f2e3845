import detectionCode from '../detection.wgsl?raw';
import { DETECTION_BYTES, detectionsByteLength } from '../detections.ts';
import { BufferUsage } from '../gpu-flags.ts';
import type { NmsParams } from './nms.cpu.ts';
import code from './nms.wgsl?raw';

/** The GPU's {@link nmsCpu}: the same boxes in the same order. */
export class NmsGpu {
  /** STORAGE | COPY_SRC: a buffer of detections (detections.ts), best first, at most `maxDetections`. */
  readonly output: GPUBuffer;
  readonly #candidates: GPUBuffer;
  readonly #dispatches: GPUBuffer;
  readonly #buffers: GPUBuffer[];
  readonly #steps: Record<(typeof STEPS)[number], { pipeline: GPUComputePipeline; group: GPUBindGroup }>;

  /** @param candidates STORAGE: a buffer of detections in any order, as {@link YoloDecodeGpu} fills it. */
  constructor(device: GPUDevice, candidates: GPUBuffer, params: NmsParams) {
    const words = Math.ceil(params.maxCandidates / 32);
    const storage = (label: string, size: number, more = 0) =>
      device.createBuffer({ label, size, usage: BufferUsage.STORAGE | more });
    this.#candidates = candidates;
    this.#dispatches = storage('nms dispatches', 24, BufferUsage.INDIRECT);
    this.output = storage('detections', detectionsByteLength(params.maxDetections), BufferUsage.COPY_SRC);
    const ranked = storage('nms ranked', params.maxCandidates * DETECTION_BYTES);
    const hides = storage('nms bits', params.maxCandidates * words * 4);
    this.#buffers = [this.#dispatches, ranked, hides, this.output];

    const module = device.createShaderModule({ label: 'nms', code: detectionCode + code });
    const constants: Record<string, number> = {
      max_candidates: params.maxCandidates,
      max_detections: params.maxDetections,
      iou: params.iou,
      words,
    };
    const bindings = [this.#candidates, this.#dispatches, ranked, hides, this.output];
    const build = (step: (typeof STEPS)[number], used: number[]) => {
      const pipeline = device.createComputePipeline({
        label: `nms ${step}`,
        layout: 'auto',
        compute: { module, entryPoint: step, constants },
      });
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: used.map((binding) => ({ binding, resource: { buffer: bindings[binding]! } })),
      });
      return { pipeline, group };
    };
    this.#steps = {
      prepare: build('prepare', [0, 1]),
      rank: build('rank', [0, 2]),
      compare: build('compare', [0, 2, 3]),
      sweep: build('sweep', [0, 2, 3, 4]),
    };
  }

  /** Adds one compute pass, which fills `output`. */
  encode(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass({ label: 'nms' });
    for (const step of STEPS) {
      const { pipeline, group } = this.#steps[step];
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      if (step === 'rank') pass.dispatchWorkgroupsIndirect(this.#dispatches, 0);
      else if (step === 'compare') pass.dispatchWorkgroupsIndirect(this.#dispatches, 12);
      else pass.dispatchWorkgroups(1);
    }
    pass.end();
  }

  /** Frees what this made; the candidates are their owner's. */
  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}

const STEPS = ['prepare', 'rank', 'compare', 'sweep'] as const;
