import { UPRIGHT, type View } from '../../../kernels/index.ts';
import { type Detection, EdgeRunnerError } from '../../../protocol/index.ts';
import type { FrameInput, FrameProcessor, Processed, StreamSpec } from '../backend/backend.ts';
import { isEncodable } from '../backend/frame-format.ts';
import { Following } from '../track/following.ts';
import type { Detector } from './detector.ts';
import type { FrameOutWay } from './frame-out.ts';
import type { Gpu } from './gpu.ts';
import { ListedBoxes } from './listed-boxes.ts';
import type { RawOutput } from './model.ts';
import { Mutex } from './mutex.ts';
import { Painter, pictureShape } from './painter.ts';

export interface ProcessorParts {
  gpu: Gpu;
  /** Null when nothing is detected. */
  detector: Detector | null;
  /** Asked when the first frame is drawn: finding out takes a while. */
  frameOut(): Promise<FrameOutWay>;
}

/** What a frame's commands will yield once the GPU has carried them out. */
interface Submitted {
  frame: Promise<VideoFrame> | VideoFrame | null;
  detections: Promise<Detection[]> | null;
  /** Where boxes are thought over before they are drawn: the frame is open until one of these is called. */
  paint?(boxes: Detection[]): Promise<VideoFrame>;
  drop?(): void;
}

/**
 * The stages of one stream on the GPU. Commands are submitted frame by frame, in order, and nothing in that waits for
 * the GPU; what comes back is awaited beside it, while later frames are on their way.
 */
export class WebGpuProcessor implements FrameProcessor {
  /** One frame being submitted, one on the GPU, one coming back. */
  readonly depth = 3;
  readonly #stream: StreamSpec;
  readonly #parts: ProcessorParts;
  /** Frames go through one after another: buffers are shared, and held boxes are the last ones submitted. */
  readonly #lane = new Mutex();
  #painter: Painter | null = null;
  readonly #following: Following | null;
  readonly #listed: ListedBoxes | null;
  /** How the last frame inferred was shown. */
  #shown: string | null = null;
  #closing: Promise<void> | null = null;

  constructor(stream: StreamSpec, parts: ProcessorParts) {
    this.#stream = stream;
    this.#parts = parts;
    const { detect, trackedFps } = stream;
    this.#following = detect && new Following(detect.options, trackedFps);
    this.#listed = trackedFps !== null && stream.picture === 'drawn' ? new ListedBoxes(parts.gpu) : null;
  }

  async process(input: FrameInput): Promise<Processed> {
    const due = this.#isDue(input);
    if (due) this.#shown = shownAs(input.view);
    const submitting = this.#lane.run(() => this.#submit(input, due));
    const inferred = due ? submitting.then((submitted) => submitted.detections!) : null;
    // Asked before the first await, so that frames come in their order.
    const following = this.#following?.next(inferred) ?? null;
    const submitted = await submitting;
    try {
      const [made, found] = await Promise.all([submitted.frame, following]);
      return { frame: (await submitted.paint?.(found ?? [])) ?? made, detections: found };
    } finally {
      submitted.drop?.();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#lane.idle().then(() => {
      this.#painter?.destroy();
      this.#listed?.destroy();
      this.#parts.detector?.destroy();
    });
    return this.#closing;
  }

  #isDue({ index, view }: FrameInput): boolean {
    const { detect } = this.#stream;
    if (!detect) return false;
    // Boxes lie in the view that they were found in, so a frame of another size or turn gets its own.
    return index % detect.options.every === 0 || this.#shown !== shownAs(view);
  }

  /**
   * The frame is imported once: an external texture of a `VideoFrame` lives until that is closed, across tasks too,
   * so the frame stays open while the model's commands are recorded, instead of being copied or imported again for
   * the drawing (an import is itself a copy for frames that no hardware decoder made).
   */
  async #submit(input: FrameInput, due: boolean): Promise<Submitted> {
    const { frame, view } = input;
    const { ledger, meter, picture } = this.#stream;
    const { gpu, detector } = this.#parts;
    const passes = picture === 'as-is' && isEncodable(frame);
    const drawn = picture !== 'none' && !passes;
    let open = true;
    const done = () => {
      ledger.close(frame);
      open = false;
    };
    try {
      gpu.throwIfFailed();
      if (this.#closing) throw new Error('the stream was closed');
      // As it is stored, when only the pixel format is in the encoder's way.
      const seen = picture === 'drawn' ? view : storedView(frame);
      const painter = drawn ? await this.#painterFor(frame, seen) : null;
      if (!due && !painter) {
        if (!passes) done();
        return { frame: passes ? frame : null, detections: null };
      }

      const source = this.#import(frame);
      if (painter && this.#listed) return await this.#submitListed(source, input, due, painter, this.#listed);
      const raw = due ? await this.#infer(detector!, source, view, painter || passes ? null : done) : null;
      const start = performance.now();
      const { painted, read } = this.#record(source, seen, painter, raw, frame);
      if (painter) done();
      meter.stage(painter ? 'draw' : 'postprocess').add(performance.now() - start);

      const made = painted && meter.stage('frame-out').time(async () => ledger.own(await painted));
      const found = read && meter.stage('readback').time(() => detector!.detections(read, view));
      made?.catch(() => {});
      return { frame: passes ? frame : made, detections: found };
    } catch (error) {
      if (open) done();
      throw error;
    }
  }

  /** The model first; the frame is drawn when its boxes have been thought over, and stays open until then. */
  async #submitListed(
    source: GPUExternalTexture,
    { frame, view }: FrameInput,
    due: boolean,
    painter: Painter,
    listed: ListedBoxes,
  ): Promise<Submitted> {
    const { ledger, meter } = this.#stream;
    const { gpu, detector } = this.#parts;
    const raw = due ? await this.#infer(detector!, source, view, null) : null;
    const read = raw && this.#record(source, view, null, raw, frame).read;
    const detections = read && meter.stage('readback').time(() => detector!.detections(read, view));
    detections?.catch(() => {});
    let open = true;
    const drop = () => {
      if (open) ledger.close(frame);
      open = false;
    };
    return {
      frame: null,
      detections,
      drop,
      paint: (boxes) => {
        const { timestamp, duration } = frame;
        const encoder = gpu.device.createCommandEncoder({ label: 'listed frame' });
        const stamp = { timestamp, duration };
        const painted = painter.paint(encoder, source, view, listed.of(boxes, view), stamp);
        drop();
        return meter.stage('frame-out').time(async () => ledger.own(await painted));
      },
    };
  }

  /** @param fed called when the frame itself is no longer needed. */
  async #infer(detector: Detector, source: GPUExternalTexture, view: View, fed: (() => void) | null) {
    const { meter } = this.#stream;
    const start = performance.now();
    detector.feed(source, view);
    fed?.();
    meter.stage('import').add(performance.now() - start);
    return meter.stage('infer').time(() => detector.run());
  }

  /** Submits all that comes after the model. */
  #record(
    source: GPUExternalTexture,
    seen: View,
    painter: Painter | null,
    raw: RawOutput | null,
    { timestamp, duration }: VideoFrame,
  ) {
    const { gpu, detector } = this.#parts;
    const encoder = gpu.device.createCommandEncoder({ label: 'frame' });
    try {
      const read = raw && detector!.finish(encoder, raw);
      const boxes = this.#stream.picture === 'drawn' && detector ? detector.boxes : null;
      const painted = painter?.paint(encoder, source, seen, boxes, { timestamp, duration }) ?? null;
      if (!painter) gpu.device.queue.submit([encoder.finish()]);
      return { painted, read };
    } finally {
      raw?.dispose();
    }
  }

  #import(frame: VideoFrame): GPUExternalTexture {
    try {
      return this.#parts.gpu.device.importExternalTexture({ source: frame });
    } catch (error) {
      throw new EdgeRunnerError(
        'engine-fault',
        `The browser does not hand its frames to WebGPU: ${error instanceof Error ? error.message : error}`,
        'Its GPU process runs without the graphics driver: update the driver, or run with --backend cpu.',
        { cause: error },
      );
    }
  }

  async #painterFor(frame: VideoFrame, view: View): Promise<Painter> {
    const { gpu, frameOut } = this.#parts;
    const shape = pictureShape(frame, view);
    if (this.#painter?.fits(shape)) return this.#painter;
    const way = await frameOut();
    this.#painter?.destroy();
    this.#painter = new Painter(gpu, way, shape, this.#stream.detect?.model.descriptor.classes ?? []);
    return this.#painter;
  }
}

const shownAs = ({ displayWidth, displayHeight, orientation: { rotation, flip } }: View) =>
  `${displayWidth} ${displayHeight} ${rotation} ${flip}`;

function storedView({ visibleRect }: VideoFrame): View {
  const { width, height } = visibleRect!;
  return { displayWidth: width, displayHeight: height, orientation: UPRIGHT };
}
