import type { ModelDescriptor } from '../../../models/descriptor.ts';
import type { Backend, FrameProcessor, StreamSpec } from '../backend/backend.ts';
import { inferredOf, type LiveSpec, type LiveStages } from '../backend/live.ts';
import { loadOrt, type OrtModule } from '../backend/ort.ts';
import type { LoadedModel } from '../host.ts';
import { chooseFrameOut } from './choose-frame-out.ts';
import type { FrameOutWay } from './frame-out.ts';
import { Gpu } from './gpu.ts';
import { Inference, type InferenceSpec } from './inference.ts';
import { WebGpuLiveStages } from './live.ts';
import { GpuModel } from './model.ts';
import { type ProcessorParts, WebGpuProcessor } from './processor.ts';

/** WGSL kernels and onnxruntime on one device, frames and tensors never leaving it. */
export class WebGpuBackend implements Backend {
  readonly name = 'webgpu';
  readonly reason: string;
  readonly #gpu: Gpu;
  readonly #ortBase: string;
  #ort: Promise<OrtModule> | null = null;
  /** By sha256: sources after the first find their model compiled. */
  readonly #models = new Map<string, Promise<GpuModel>>();
  #frameOut: Promise<FrameOutWay> | null = null;

  private constructor(reason: string, gpu: Gpu, ortBase: string) {
    this.reason = reason;
    this.#gpu = gpu;
    this.#ortBase = ortBase;
  }

  /**
   * @param ortBase address of the folder that holds onnxruntime-web's wasm files.
   * @throws {EdgeRunnerError} `no-gpu` when the adapter gives no device.
   */
  static async create(adapter: GPUAdapter, ortBase: string): Promise<WebGpuBackend> {
    return new WebGpuBackend(reasonFor(adapter.info), await Gpu.open(adapter), ortBase);
  }

  async open(stream: StreamSpec): Promise<FrameProcessor> {
    return new WebGpuProcessor(stream, await this.#partsFor(stream, stream.log));
  }

  async openLive(spec: LiveSpec): Promise<LiveStages> {
    return new WebGpuLiveStages(spec, await this.#partsFor(inferredOf(spec), spec.log));
  }

  /** Processors are closed before: what they hold stands on the sessions, and the sessions on the device. */
  async close(): Promise<void> {
    for (const loading of this.#models.values()) {
      // A model that did not load, or whose device is gone, has nothing left to release.
      await loading.then((model) => model.close()).catch(() => {});
    }
    this.#models.clear();
    this.#gpu.close();
  }

  async #partsFor(stream: InferenceSpec, log: StreamSpec['log']): Promise<ProcessorParts> {
    const { detect, depth } = stream;
    // One after the other: two creations of sessions at a time crash onnxruntime.
    const detectModel = detect && (await this.#modelFor(detect.model));
    const depthModel = depth && (await this.#modelFor(depth.model));
    return {
      gpu: this.#gpu,
      inference: detectModel || depthModel ? new Inference(this.#gpu, stream, detectModel, depthModel) : null,
      frameOut: () => {
        this.#frameOut ??= this.#chooseFrameOut(log);
        return this.#frameOut;
      },
    };
  }

  #modelFor<T extends ModelDescriptor>(model: LoadedModel<T>): Promise<GpuModel<T>> {
    const { sha256 } = model.descriptor;
    let loading = this.#models.get(sha256);
    if (!loading) {
      // One thread: the processor only runs the odd node that WebGPU has no kernel for.
      this.#ort ??= loadOrt('webgpu', { base: this.#ortBase, threads: 1 });
      loading = this.#ort.then((ort) => GpuModel.load(this.#gpu, ort, model));
      this.#models.set(sha256, loading);
    }
    // The hash is of the file, and the descriptor follows from it.
    return loading as Promise<GpuModel<T>>;
  }

  async #chooseFrameOut(log: StreamSpec['log']): Promise<FrameOutWay> {
    const { way, words } = await chooseFrameOut(this.#gpu);
    log(`frames out by ${words}`);
    return way;
  }
}

const reasonFor = ({ vendor, architecture, isFallbackAdapter }: GPUAdapterInfo) =>
  isFallbackAdapter
    ? `asked for; the adapter is software (${architecture})`
    : `adapter ${vendor} ${architecture}`.trim();
