import { BufferUsage, type DepthBuffer } from '../../../kernels/index.ts';
import type { Gpu } from './gpu.ts';

/** One frame's depth as it is drawn. Whoever draws it later than the next frame is inferred keeps it until then. */
export interface DepthShot {
  readonly map: DepthBuffer;
  keep(): DepthShot;
  /** Once for its making and once for each `keep`. */
  release(): void;
}

/** Buffers for depth maps of one model, used again when nobody keeps them any more. */
export class DepthShots {
  readonly #gpu: Gpu;
  readonly #byteLength: number;
  readonly #all = new Set<GPUBuffer>();
  #idle: GPUBuffer[] = [];

  /** @param byteLength of the largest map. */
  constructor(gpu: Gpu, byteLength: number) {
    this.#gpu = gpu;
    this.#byteLength = byteLength;
  }

  take({ width, height }: { width: number; height: number }): DepthShot {
    const shares = this.#idle.pop() ?? this.#create();
    let keepers = 1;
    const shot: DepthShot = {
      map: { shares, width, height },
      keep: () => {
        keepers++;
        return shot;
      },
      release: () => {
        if (--keepers === 0) this.#idle.push(shares);
      },
    };
    return shot;
  }

  destroy(): void {
    for (const buffer of this.#all) buffer.destroy();
  }

  #create(): GPUBuffer {
    const buffer = this.#gpu.device.createBuffer({
      label: 'depth shares',
      size: this.#byteLength,
      usage: BufferUsage.STORAGE,
    });
    this.#all.add(buffer);
    return buffer;
  }
}
