import { EdgeRunnerError } from '../../../protocol/index.ts';
import { type Crossings, countCrossings } from './crossings.ts';
import { Mutex } from './mutex.ts';

/** The engine's one device, shared by our kernels and onnxruntime, and its word on whether it still works. */
export class Gpu {
  readonly device: GPUDevice;
  /** Since the device was opened. */
  readonly crossings: Readonly<Crossings>;
  /** Two runs, or two creations of sessions, at a time crash onnxruntime on WebGPU: whoever does either holds this. */
  readonly ortTurn = new Mutex();
  #failure: EdgeRunnerError | null = null;
  #closing = false;
  #waiting = new Set<(error: EdgeRunnerError) => void>();

  private constructor(device: GPUDevice) {
    this.device = device;
    this.crossings = countCrossings(device);
    device.lost.then(({ message }) => {
      if (!this.#closing) this.#fail(deviceLost(message));
    });
    device.addEventListener('uncapturederror', ({ error }) => this.#fail(gpuFault(error)));
  }

  /** A device with every feature that helps and the adapter's own limits: models ask for more than the defaults. */
  static async open(adapter: GPUAdapter): Promise<Gpu> {
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name));
    try {
      const device = await adapter.requestDevice({ label: 'edge-runner', requiredFeatures, requiredLimits });
      return new Gpu(device);
    } catch (error) {
      throw new EdgeRunnerError(
        'no-gpu',
        `The WebGPU adapter gives no device: ${error instanceof Error ? error.message : error}`,
        'Update the graphics driver or the browser, or take the cpu backend.',
        { cause: error },
      );
    }
  }

  /** True once the device is lost or has refused something; nothing that it yields can be trusted then. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** `work`, unless the device fails before: whatever waits for a lost device would wait for ever. */
  guard<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      this.#waiting.add(reject);
      // The device's own word explains the error that followed from it, so it comes first.
      work
        .then(resolve, (error: unknown) => reject(this.#failure ?? error))
        .finally(() => this.#waiting.delete(reject));
    });
  }

  throwIfFailed(): void {
    if (this.#failure) throw this.#failure;
  }

  close(): void {
    this.#closing = true;
    this.device.destroy();
  }

  #fail(error: EdgeRunnerError): void {
    if (this.#failure || this.#closing) return;
    this.#failure = error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}

/** What onnxruntime's kernels and ours make use of where the adapter has it. */
const FEATURES: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxBindGroups',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'maxTextureDimension2D',
] as const satisfies (keyof GPUSupportedLimits)[];

const deviceLost = (message: string) =>
  new EdgeRunnerError(
    'engine-fault',
    `The GPU was lost while the job ran: ${message || 'the browser gives no reason'}`,
    'Try it again; if it happens again, update the graphics driver or take the cpu backend.',
  );

const gpuFault = (error: GPUError) =>
  error instanceof GPUOutOfMemoryError
    ? new EdgeRunnerError(
        'engine-fault',
        `The GPU has no memory left: ${error.message}`,
        'Close other programs that use the GPU, take a smaller model, or the cpu backend.',
      )
    : new EdgeRunnerError(
        'engine-fault',
        `WebGPU refused a command: ${error.message}`,
        'Take the cpu backend, and please report this with the clip and what was asked of it.',
      );
