import {
  arrange,
  DepthColorCpu,
  type DepthLayout,
  depthSharesCpu,
  labelOf,
  OverlayCpu,
  type OverlayItem,
  uprightSize,
  type View,
} from '../../../kernels/index.ts';
import type { DepthHead } from '../../../models/adapters/depth.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { ShownDepth } from '../depth/held-depth.ts';
import { type FramePlanes, type PlaneBuffers, partOf, toUprightI420 } from './planes.ts';

/** Draws what was found into frames' planes. */
export class CpuPainter {
  readonly #layout: DepthLayout | null;
  readonly #larger: DepthHead['larger'];
  readonly #colors = new DepthColorCpu();
  #overlay: { width: number; height: number; painter: OverlayCpu } | null = null;
  #shares: { of: ShownDepth; shares: Float32Array } | null = null;

  /** @param layout null where no depth is drawn. */
  constructor(layout: DepthLayout | null, larger: DepthHead['larger']) {
    this.#layout = layout;
    this.#larger = larger;
  }

  /** Upright I420: the planes themselves where they are that, drawn on, else new ones of `buffers`. */
  draw(
    planes: FramePlanes,
    buffers: PlaneBuffers,
    detections: Detection[] | null,
    depth: ShownDepth | null,
    view: View,
  ): FramePlanes {
    const { orientation } = view;
    const { width, height } = uprightSize(planes.picture.width, planes.picture.height, orientation);
    const arranged = arrange(this.#layout, width, height);
    const target = toUprightI420(planes, orientation, buffers, arranged.width);
    if (depth?.range && arranged.depth) {
      const { left, opacity } = arranged.depth;
      const { map } = depth;
      const shown = { shares: this.#sharesOf(depth), width: map.width, height: map.height };
      this.#colors.draw(partOf(target.picture, left, width), shown, opacity);
    }
    if (detections) {
      const items = overlayItems(detections, width / view.displayWidth, height / view.displayHeight);
      this.#overlayFor(width, height).draw(partOf(target.picture, 0, width), items);
    }
    return target;
  }

  #sharesOf(depth: ShownDepth): Float32Array {
    if (this.#shares?.of !== depth)
      this.#shares = { of: depth, shares: depthSharesCpu(depth.map, depth.range!, this.#larger) };
    return this.#shares.shares;
  }

  #overlayFor(width: number, height: number): OverlayCpu {
    if (this.#overlay?.width !== width || this.#overlay.height !== height) {
      this.#overlay = { width, height, painter: new OverlayCpu(width, height) };
    }
    return this.#overlay.painter;
  }
}

/** Detections as items to draw, in pixels of the picture, the best last so that it lies on top. */
function overlayItems(detections: Detection[], scaleX: number, scaleY: number): OverlayItem[] {
  return detections
    .map(
      ({ box: [x, y, width, height], id, class: name, score, track }): OverlayItem => ({
        box: [x * scaleX, y * scaleY, width * scaleX, height * scaleY],
        classId: id,
        label: labelOf(name, score, track),
      }),
    )
    .reverse();
}
