import { type OverlayContent, UPRIGHT, type View } from '../../../kernels/index.ts';
import { type CrossedBytes, type Detection, EdgeRunnerError } from '../../../protocol/index.ts';
import type { FrameInput, FrameProcessor, Processed, StreamSpec } from '../backend/backend.ts';
import type { FoundDepth } from '../backend/depth.ts';
import { type Due, Schedule } from '../backend/due.ts';
import { isEncodable } from '../backend/frame-format.ts';
import { type BoxesOfFrames, boxesOfFrames } from '../track/boxes-of-frames.ts';
import type { DepthShot } from './depth-shots.ts';
import type { FrameOutWay } from './frame-out.ts';
import type { Gpu } from './gpu.ts';
import { type Inference, type Inferred, NOTHING_INFERRED } from './inference.ts';
import { ListedBoxes } from './listed-boxes.ts';
import { Mutex } from './mutex.ts';
import { Painter, pictureShape } from './painter.ts';

export interface ProcessorParts {
  gpu: Gpu;
  /** Null when nothing is inferred. */
  inference: Inference | null;
  /** Asked when the first frame is drawn: finding out takes a while. */
  frameOut(): Promise<FrameOutWay>;
}

/** What a frame's commands will yield once the GPU has carried them out. */
interface Submitted {
  frame: Promise<VideoFrame> | VideoFrame | null;
  /** Null where the frame is not inferred. */
  detections: Promise<Detection[]> | null;
  depth: Promise<FoundDepth> | null;
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
  readonly #boxes: BoxesOfFrames;
  readonly #listed: ListedBoxes | null;
  readonly #schedule: Schedule;
  #lastDepth: Promise<FoundDepth> | null = null;
  #lastShot: DepthShot | null = null;
  #closing: Promise<void> | null = null;

  constructor(stream: StreamSpec, parts: ProcessorParts) {
    this.#stream = stream;
    this.#parts = parts;
    this.#schedule = new Schedule(stream);
    this.#boxes = boxesOfFrames(stream);
    const thoughtOver = stream.boxes === 'followed' || stream.boxes === 'given';
    this.#listed = thoughtOver && stream.picture === 'drawn' ? new ListedBoxes(parts.gpu) : null;
  }

  async process(input: FrameInput): Promise<Processed> {
    const due = this.#schedule.next(input);
    const submitting = this.#lane.run(() => this.#submit(input, due));
    // Asked before the first await, so that frames come in their order.
    const inferred = due?.detect ? submitting.then((submitted) => submitted.detections!) : null;
    const following = this.#boxes(input, inferred);
    following?.catch(() => {});
    if (due?.depth) {
      this.#lastDepth = submitting.then((submitted) => submitted.depth!);
      this.#lastDepth.catch(() => {});
    }
    const estimating = this.#lastDepth;
    const submitted = await submitting;
    try {
      const [made, found, depth] = await Promise.all([submitted.frame, following, estimating]);
      return {
        frame: (await submitted.paint?.(found ?? [])) ?? made,
        detections: found,
        depth: depth && { stats: depth.stats, map: due?.depth ? depth.map : null },
      };
    } finally {
      submitted.drop?.();
    }
  }

  crossed(): CrossedBytes {
    return { ...this.#parts.gpu.crossings };
  }

  close(): Promise<void> {
    this.#closing ??= this.#lane.idle().then(() => {
      this.#painter?.destroy();
      this.#listed?.destroy();
      this.#parts.inference?.destroy();
    });
    return this.#closing;
  }

  /**
   * The frame is imported once: an external texture of a `VideoFrame` lives until that is closed, across tasks too,
   * so the frame stays open while the models' commands are recorded, instead of being copied or imported again for
   * the drawing (an import is itself a copy for frames that no hardware decoder made).
   */
  async #submit(input: FrameInput, due: Due | null): Promise<Submitted> {
    const { frame, view } = input;
    const { ledger, meter, picture } = this.#stream;
    const { gpu, inference } = this.#parts;
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
        return { frame: passes ? frame : null, detections: null, depth: null };
      }

      const source = importFrame(gpu, frame);
      if (painter && this.#listed) return await this.#submitListed(source, input, due, painter, this.#listed);
      const fed = painter || passes ? null : done;
      const inferred = due ? await inference!.run(source, view, due, meter, fed) : NOTHING_INFERRED;
      const start = performance.now();
      const { timestamp, duration } = frame;
      const encoder = gpu.device.createCommandEncoder({ label: 'frame' });
      const { read, painted } = inferred.using(() => {
        const read = this.#finish(encoder, inferred, view);
        const painted =
          painter?.paint(encoder, source, seen, this.#content(picture), { timestamp, duration }) ?? null;
        if (!painter) gpu.device.queue.submit([encoder.finish()]);
        return { read, painted };
      });
      if (painter) done();
      meter.stage(painter ? 'draw' : 'postprocess').add(performance.now() - start);

      const made = painted && meter.stage('frame-out').time(async () => ledger.own(await painted));
      made?.catch(() => {});
      return { frame: passes ? frame : made, ...read() };
    } catch (error) {
      if (open) done();
      throw error;
    }
  }

  /** The models first; the frame is drawn when its boxes have been thought over, and stays open until then. */
  async #submitListed(
    source: GPUExternalTexture,
    { frame, view }: FrameInput,
    due: Due | null,
    painter: Painter,
    listed: ListedBoxes,
  ): Promise<Submitted> {
    const { ledger, meter } = this.#stream;
    const { gpu, inference } = this.#parts;
    const inferred = due ? await inference!.run(source, view, due, meter, null) : NOTHING_INFERRED;
    const read = inferred.using(() => {
      const encoder = gpu.device.createCommandEncoder({ label: 'listed frame, inferred' });
      const read = this.#finish(encoder, inferred, view);
      gpu.device.queue.submit([encoder.finish()]);
      return read;
    });
    // Later frames are inferred before this one is drawn.
    const shot = this.#lastShot?.keep() ?? null;
    let open = true;
    const drop = () => {
      if (!open) return;
      open = false;
      ledger.close(frame);
      shot?.release();
    };
    return {
      frame: null,
      ...read(),
      drop,
      paint: (boxes) => {
        const { timestamp, duration } = frame;
        const encoder = gpu.device.createCommandEncoder({ label: 'listed frame' });
        const content = { boxes: listed.of(boxes, view), depth: shot?.map ?? null };
        const painted = painter.paint(encoder, source, view, content, { timestamp, duration });
        drop();
        return meter.stage('frame-out').time(async () => ledger.own(await painted));
      },
    };
  }

  /** Adds all that comes after the models; what it yields is read after the submit. */
  #finish(
    encoder: GPUCommandEncoder,
    inferred: Inferred,
    view: View,
  ): () => Pick<Submitted, 'detections' | 'depth'> {
    const { meter } = this.#stream;
    const submitted = inferred.finish(encoder);
    if (submitted.depth) {
      this.#lastShot?.release();
      this.#lastShot = submitted.depth.shot;
    }
    const back = <T>(reading: () => Promise<T>): Promise<T> => {
      const found = meter.stage('readback').time(reading);
      found.catch(() => {});
      return found;
    };
    const { inference } = this.#parts;
    return () => ({
      detections: submitted.boxes && back(() => inference!.detector!.detections(submitted.boxes!, view)),
      depth: submitted.depth && back(() => inference!.estimator!.found(submitted.depth!, view)),
    });
  }

  #content(picture: StreamSpec['picture']): OverlayContent {
    if (picture !== 'drawn') return { boxes: null, depth: null };
    return {
      boxes: this.#parts.inference?.detector?.boxes ?? null,
      depth: this.#lastShot?.map ?? null,
    };
  }

  async #painterFor(frame: VideoFrame, view: View): Promise<Painter> {
    const { gpu, frameOut } = this.#parts;
    const shape = pictureShape(frame, view);
    if (this.#painter?.fits(shape)) return this.#painter;
    const way = await frameOut();
    this.#painter?.destroy();
    const { detect, depth, layout, picture } = this.#stream;
    const classes = detect?.model.descriptor.classes ?? [];
    this.#painter = new Painter(gpu, way, shape, classes, depth && picture === 'drawn' ? layout : null);
    return this.#painter;
  }
}

function storedView({ visibleRect }: VideoFrame): View {
  const { width, height } = visibleRect!;
  return { displayWidth: width, displayHeight: height, orientation: UPRIGHT };
}

/** @throws {EdgeRunnerError} `engine-fault` where frames and WebGPU are not of one graphics driver. */
export function importFrame({ device }: Gpu, frame: VideoFrame): GPUExternalTexture {
  try {
    return device.importExternalTexture({ source: frame });
  } catch (error) {
    throw new EdgeRunnerError(
      'engine-fault',
      `The browser does not hand its frames to WebGPU: ${error instanceof Error ? error.message : error}`,
      'Its GPU process runs without the graphics driver: update the driver, or take the cpu backend.',
      { cause: error },
    );
  }
}
