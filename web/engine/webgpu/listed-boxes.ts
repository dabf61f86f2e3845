import {
  BufferUsage,
  detectionsByteLength,
  type OverlayBoxes,
  packDetections,
  type View,
} from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import { MAX_DETECTIONS } from '../backend/detections.ts';
import type { Gpu } from './gpu.ts';

/** Boxes that were thought over on the CPU, on their way to the overlay: one buffer, filled anew before each submit. */
export class ListedBoxes {
  readonly #gpu: Gpu;
  readonly #buffer: GPUBuffer;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.#buffer = gpu.device.createBuffer({
      label: 'listed boxes',
      size: detectionsByteLength(MAX_DETECTIONS),
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
  }

  /** Valid up to the next call after the submit. */
  of(detections: readonly Detection[], { displayWidth, displayHeight }: View): OverlayBoxes {
    const bytes = packDetections(
      detections.map(({ box: [x, y, width, height], score, id, track }) => ({
        corners: [x, y, x + width, y + height],
        score,
        classId: id,
        track,
      })),
      MAX_DETECTIONS,
    );
    this.#gpu.device.queue.writeBuffer(this.#buffer, 0, bytes);
    return { detections: this.#buffer, letterbox: asShown(displayWidth, displayHeight) };
  }

  destroy(): void {
    this.#buffer.destroy();
  }
}

/** The letterbox that leaves pixels of the view where they are. */
const asShown = (width: number, height: number): OverlayBoxes['letterbox'] => ({
  width,
  height,
  placement: 'top-left',
  pad: 0,
  order: 'rgb',
  mean: [0, 0, 0],
  scale: [1, 1, 1],
});
