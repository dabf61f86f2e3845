import type { View } from '../../../kernels/index.ts';
import type { LiveFrame, LiveShown, LiveSpec, LiveStages, Looked } from '../backend/live.ts';
import type { DepthShot } from './depth-shots.ts';
import type { Inference } from './inference.ts';
import { ListedBoxes } from './listed-boxes.ts';
import { Mutex } from './mutex.ts';
import { Painter, pictureShape } from './painter.ts';
import { importFrame, type ProcessorParts } from './processor.ts';

/**
 * The stages of a live source on the GPU. Each frame is drawn in the task that imports it; where it is looked at, its
 * letterbox is submitted first, and the models run while later frames are drawn.
 */
export class WebGpuLiveStages implements LiveStages {
  readonly infers: boolean;
  /** One frame being submitted, one on the GPU, one coming back. */
  readonly depth = 3;
  readonly #spec: LiveSpec;
  readonly #parts: ProcessorParts;
  readonly #due: { detect: boolean; depth: boolean };
  readonly #listed: ListedBoxes;
  /** Frames are drawn one after another: the first one waits until it is known how frames leave the GPU. */
  readonly #lane = new Mutex();
  /** Looks come one after another, as the models' buffers demand. */
  readonly #looks = new Mutex();
  #painter: Painter | null = null;
  #lastShot: DepthShot | null = null;
  #closing: Promise<void> | null = null;

  constructor(spec: LiveSpec, parts: ProcessorParts) {
    this.#spec = spec;
    this.#parts = parts;
    this.infers = parts.inference !== null;
    this.#due = { detect: spec.detect !== null, depth: spec.depth !== null };
    this.#listed = new ListedBoxes(parts.gpu);
  }

  async show(input: LiveFrame): Promise<LiveShown> {
    const { looked, made } = await this.#lane.run(() => this.#submit(input));
    return { frame: await made, looked };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#lane.idle(), this.#looks.idle()]).then(() => {
      this.#painter?.destroy();
      this.#listed.destroy();
      this.#parts.inference?.destroy();
    });
    return this.#closing;
  }

  async #submit({ frame, view, boxes, layers, look }: LiveFrame) {
    const { ledger, meter } = this.#spec;
    const { gpu, inference } = this.#parts;
    try {
      gpu.throwIfFailed();
      if (this.#closing) throw new Error('the stream was closed');
      const painter = await this.#painterFor(frame, view);
      const source = importFrame(gpu, frame);
      const looked = look && inference ? this.#look(inference, source, view) : null;
      const start = performance.now();
      const { timestamp, duration } = frame;
      const encoder = gpu.device.createCommandEncoder({ label: 'live frame' });
      const content = {
        boxes: this.#listed.of(boxes, view),
        depth: this.#lastShot?.map ?? null,
        layers: layers.map((layer) =>
          layer.kind === 'bitmap' ? layer : { ...layer, frame: importFrame(gpu, layer.frame) },
        ),
      };
      const painted = painter.paint(encoder, source, view, content, { timestamp, duration });
      meter.stage('draw').add(performance.now() - start);
      const made = meter.stage('frame-out').time(async () => ledger.own(await painted));
      made.catch(() => {});
      return { looked, made };
    } finally {
      ledger.close(frame);
    }
  }

  /** The letterbox is submitted before this returns: the frame itself is not needed after it. */
  #look(inference: Inference, source: GPUExternalTexture, view: View): Promise<Looked> {
    const running = inference.run(source, view, this.#due, this.#spec.meter, null);
    const looked = this.#looks.run(() => running.then((inferred) => this.#finish(inference, inferred, view)));
    looked.catch(() => {});
    return looked;
  }

  async #finish(
    { detector, estimator }: Inference,
    inferred: Awaited<ReturnType<Inference['run']>>,
    view: View,
  ): Promise<Looked> {
    const { gpu } = this.#parts;
    const { boxes, depth } = inferred.using(() => {
      const encoder = gpu.device.createCommandEncoder({ label: 'looked' });
      const submitted = inferred.finish(encoder);
      gpu.device.queue.submit([encoder.finish()]);
      return submitted;
    });
    if (depth) {
      // What was drawn with the one before is in the queue already, ahead of whatever writes there again.
      this.#lastShot?.release();
      this.#lastShot = depth.shot;
    }
    const [detections, found] = await this.#spec.meter
      .stage('readback')
      .time(() =>
        Promise.all([boxes && detector!.detections(boxes, view), depth && estimator!.found(depth, view)]),
      );
    return { detections, depth: found };
  }

  async #painterFor(frame: VideoFrame, view: View): Promise<Painter> {
    const { gpu, frameOut } = this.#parts;
    const shape = pictureShape(frame, view);
    if (this.#painter?.fits(shape)) return this.#painter;
    const way = await frameOut();
    this.#painter?.destroy();
    const { detect, depth, layout } = this.#spec;
    const classes = detect?.model.descriptor.classes ?? [];
    this.#painter = new Painter(gpu, way, shape, classes, depth ? layout : null);
    return this.#painter;
  }
}
