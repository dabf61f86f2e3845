import detectionCode from '../detection.wgsl?raw';
import { detectionsByteLength } from '../detections.ts';
import { BufferUsage } from '../gpu-flags.ts';
import { checkHead, type DecodeParams, gridOf, type YoloHead } from './yolo-decode.cpu.ts';
import code from './yolo-decode.wgsl?raw';

/** The GPU's {@link decodeYoloCpu}. Candidates come in no particular order: {@link NmsGpu} ranks them. */
export class YoloDecodeGpu {
  /** STORAGE: a buffer of detections (detections.ts) with a place for every anchor. Valid after the pass. */
  readonly candidates: GPUBuffer;
  readonly #device: GPUDevice;
  readonly #head: YoloHead;
  readonly #pipeline: GPUComputePipeline;
  readonly #grid: GPUBuffer;
  readonly #wanted: GPUBuffer;
  #raw: { buffer: GPUBuffer; group: GPUBindGroup } | undefined;

  /** @throws {RangeError} when the strides do not give the head's anchors, or are more than 8. */
  constructor(device: GPUDevice, head: YoloHead, params: DecodeParams) {
    checkHead(head);
    if (head.strides.length > MAX_LEVELS) throw new RangeError(`at most ${MAX_LEVELS} strides`);
    this.#device = device;
    this.#head = head;
    this.#pipeline = device.createComputePipeline({
      label: 'yolo-decode',
      layout: 'auto',
      compute: {
        module: device.createShaderModule({ label: 'yolo-decode', code: detectionCode + code }),
        constants: {
          yolox: head.layout === 'yolox' ? 1 : 0,
          anchors: head.anchors,
          classes: head.classes,
          min_score: Math.fround(params.minScore),
          levels: head.strides.length,
        },
      },
    });
    this.candidates = device.createBuffer({
      label: 'candidates',
      size: detectionsByteLength(head.anchors),
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    this.#grid = device.createBuffer({
      label: 'yolo-decode grid',
      size: 16 * MAX_LEVELS,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(this.#grid, 0, gridWords(head));
    this.#wanted = device.createBuffer({
      label: 'yolo-decode wanted classes',
      size: 4 * head.classes,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_DST,
    });
    const wanted = Uint32Array.from({ length: head.classes }, (_, id) => params.classMask?.[id] ?? 1);
    device.queue.writeBuffer(this.#wanted, 0, wanted);
  }

  /**
   * Adds one compute pass, which fills `candidates`.
   * @param raw STORAGE, float32, the head's output: [1, anchors, 5 + classes] or [1, 4 + classes, anchors].
   */
  encode(encoder: GPUCommandEncoder, raw: GPUBuffer): void {
    encoder.clearBuffer(this.candidates, 0, 4);
    const pass = encoder.beginComputePass({ label: 'yolo-decode' });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#groupOf(raw));
    pass.dispatchWorkgroups(Math.ceil(this.#head.anchors / 64));
    pass.end();
  }

  destroy(): void {
    for (const buffer of [this.candidates, this.#grid, this.#wanted]) buffer.destroy();
  }

  #groupOf(buffer: GPUBuffer): GPUBindGroup {
    if (this.#raw?.buffer !== buffer) {
      const resources = [buffer, this.#grid, this.#wanted, this.candidates];
      const group = this.#device.createBindGroup({
        layout: this.#pipeline.getBindGroupLayout(0),
        entries: resources.map((buffer, binding) => ({ binding, resource: { buffer } })),
      });
      this.#raw = { buffer, group };
    }
    return this.#raw.group;
  }
}

/** As in yolo-decode.wgsl. */
const MAX_LEVELS = 8;

function gridWords(head: YoloHead): Uint32Array<ArrayBuffer> {
  let firstAnchor = 0;
  const levels = head.strides.flatMap((stride) => {
    const { columns, cells } = gridOf(head, stride);
    const level = [firstAnchor, columns, stride, 0];
    firstAnchor += cells;
    return level;
  });
  const words = new Uint32Array(4 * MAX_LEVELS);
  words.set(levels);
  return words;
}
