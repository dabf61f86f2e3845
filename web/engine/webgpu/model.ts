import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { ModelDescriptor } from '../../../models/descriptor.ts';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkDepthOutput } from '../backend/depth.ts';
import { checkDetections } from '../backend/detections.ts';
import { createSession, type OrtModule } from '../backend/ort.ts';
import type { LoadedModel } from '../host.ts';
import type { Gpu } from './gpu.ts';

/** A model's answer in a buffer of onnxruntime's: submit what reads it, then `dispose`. */
export interface RawOutput {
  buffer: GPUBuffer;
  dispose(): void;
}

/** One model on the engine's device; input and output stay in GPU buffers. */
export class GpuModel<T extends ModelDescriptor = ModelDescriptor> {
  readonly descriptor: T;
  readonly #gpu: Gpu;
  readonly #ort: OrtModule;
  readonly #session: InferenceSession;

  private constructor(gpu: Gpu, ort: OrtModule, descriptor: T, session: InferenceSession) {
    this.#gpu = gpu;
    this.#ort = ort;
    this.descriptor = descriptor;
    this.#session = session;
  }

  /** @throws {EdgeRunnerError} `model-invalid` when onnxruntime cannot load it. */
  static async load<T extends ModelDescriptor>(
    gpu: Gpu,
    ort: OrtModule,
    { descriptor, bytes }: LoadedModel<T>,
  ): Promise<GpuModel<T>> {
    const create = () =>
      createSession(ort, descriptor.name, bytes, {
        executionProviders: [{ name: 'webgpu', device: gpu.device }],
        graphOptimizationLevel: 'all',
        preferredOutputLocation: 'gpu-buffer',
      });
    return new GpuModel(gpu, ort, descriptor, await gpu.guard(gpu.ortTurn.run(create)));
  }

  /** A buffer as this model's input: float32 [1, 3, height, width]. */
  inputOver(buffer: GPUBuffer): Tensor {
    const { width, height } = this.descriptor.input;
    return this.#ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [1, 3, height, width] });
  }

  /**
   * Resolves when every command is submitted, not when they are done.
   * @throws {EdgeRunnerError} `model-run`; `model-shape` for an output other than described.
   */
  async run(input: Tensor): Promise<RawOutput> {
    const { name, output } = this.descriptor;
    const descriptor: ModelDescriptor = this.descriptor;
    const feeds = { [this.descriptor.input.name]: input };
    const running = this.#gpu.ortTurn.run(() => this.#session.run(feeds));
    const results = await this.#gpu.guard(running).catch((error: unknown) => {
      throw error instanceof EdgeRunnerError ? error : runFailed(name, error);
    });
    const found = results[output.name];
    const tensor =
      descriptor.task === 'detect' ? checkDetections(found, descriptor) : checkDepthOutput(found, descriptor);
    return { buffer: tensor.gpuBuffer, dispose: () => tensor.dispose() };
  }

  async close(): Promise<void> {
    await this.#gpu.guard(this.#gpu.ortTurn.run(() => this.#session.release()));
  }
}

const runFailed = (name: string, error: unknown) =>
  new EdgeRunnerError(
    'model-run',
    `onnxruntime could not run ${name} on the GPU: ${error instanceof Error ? error.message : error}`,
    'Try a smaller model, or take the cpu backend.',
    { cause: error },
  );
