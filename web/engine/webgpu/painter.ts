import {
  arrange,
  type DepthLayout,
  type FrameSource,
  type OverlayContent,
  OverlayGpu,
  uprightSize,
  type View,
} from '../../../kernels/index.ts';
import { colorSpecOf } from '../backend/frame-format.ts';
import {
  createFrameOut,
  type FrameOut,
  type FrameOutWay,
  type FrameStamp,
  type PictureShape,
} from './frame-out.ts';
import type { Gpu } from './gpu.ts';

/** Draws frames of one size, upright in their own pixels, and makes new frames of them. */
export class Painter {
  readonly #shape: PictureShape;
  readonly #out: FrameOut;
  readonly #overlay: OverlayGpu;

  /**
   * @param classNames of every class that boxes may have; empty when none are drawn.
   * @param layout null where no depth is drawn.
   */
  constructor(
    gpu: Gpu,
    way: FrameOutWay,
    shape: PictureShape,
    classNames: readonly string[],
    layout: DepthLayout | null,
  ) {
    const { width, height, matrix } = shape;
    const target = arrange(layout, width, height);
    this.#shape = shape;
    this.#out = createFrameOut(way, gpu, { width: target.width, height: target.height, matrix });
    const { format } = this.#out;
    this.#overlay = new OverlayGpu(gpu.device, { width, height, layout, format, classNames });
  }

  fits({ width, height, matrix }: PictureShape): boolean {
    return this.#shape.width === width && this.#shape.height === height && this.#shape.matrix === matrix;
  }

  /** Adds the picture to `encoder` and submits it, before this returns; see {@link FrameOut.submit}. */
  paint(
    encoder: GPUCommandEncoder,
    source: FrameSource,
    view: View,
    content: OverlayContent,
    stamp: FrameStamp,
  ): Promise<VideoFrame> {
    return this.#out.submit(
      encoder,
      (target) => this.#overlay.encode(encoder, source, view, target, content),
      stamp,
    );
  }

  /** Frames on their way still come out. */
  destroy(): void {
    this.#overlay.destroy();
    this.#out.destroy();
  }
}

/** The picture that a frame becomes: its own pixels turned upright, its own matrix where that is one of video's two. */
export function pictureShape(frame: VideoFrame, { orientation }: View): PictureShape {
  const { width, height } = frame.visibleRect!;
  const { matrix } = colorSpecOf(frame);
  return { ...uprightSize(width, height, orientation), matrix: matrix === 'bt601' ? 'bt601' : 'bt709' };
}
