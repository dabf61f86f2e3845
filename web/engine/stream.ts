import type { DepthModel, DetectModel } from '../../models/descriptor.ts';
import {
  type CrossedBytes,
  checkZoneClasses,
  checkZonesFit,
  EdgeRunnerError,
  type FrameEvent,
  type LiveStats,
  type Segment,
  type ZoneTotals,
} from '../../protocol/index.ts';
import type { Backend, FrameProcessor, Processed } from './backend/backend.ts';
import type { LoadedModel } from './host.ts';
import type { StreamContext } from './job.ts';
import { Pace } from './pipeline/pace.ts';
import { Signal } from './pipeline/signal.ts';
import { rangeOf, sourceName } from './plan.ts';
import { Tracks } from './segments/tracks.ts';
import { DepthMapOutput } from './sink/depth-maps.ts';
import { PictureOutput } from './sink/picture-output.ts';
import { VideoOutput } from './sink/video-output.ts';
import {
  type FrameSource,
  type FrameSourceInfo,
  type Range,
  type SourceFrame,
  UNKNOWN_FPS,
} from './source/frame-source.ts';
import { noFrames } from './source/open-tracks.ts';
import { VideoSource } from './source/video-source.ts';
import { ZoneCounter } from './zones/zone-counter.ts';

export interface StreamModels {
  detect: LoadedModel<DetectModel> | null;
  depth: LoadedModel<DepthModel> | null;
}

/** Takes every frame of a source through the backend to the outputs, in order, with a bounded number on the way. */
export async function runStream(
  source: FrameSource,
  backend: Backend,
  models: StreamModels,
  context: StreamContext,
): Promise<StreamResult> {
  const { plan, host, range, segment, boxes, ledger, meter, signal } = context;
  const { displayWidth, displayHeight } = source.info.view;
  if (plan.zones) {
    checkZonesFit(plan.zones, displayWidth, displayHeight);
    if (models.detect) checkZoneClasses(plan.zones, plan.detect?.classes ?? models.detect.descriptor.classes);
  }
  await host.emit([
    {
      v: 1,
      type: 'source',
      source: plan.source.id,
      name: sourceName(plan.source),
      width: displayWidth,
      height: displayHeight,
      fps: source.info.fps === null ? null : Number(source.info.fps.toFixed(3)),
      frames: source.info.frames,
      duration: source.info.duration,
      codec: source.info.codec,
      backend: backend.name,
      backendReason: backend.reason,
      models: {
        ...(models.detect && { detect: models.detect.descriptor.name }),
        ...(boxes === 'given' && plan.detect && { detect: plan.detect.model }),
        ...(models.depth && { depth: models.depth.descriptor.name }),
      },
      ...(models.depth && { depthLarger: models.depth.descriptor.output.head.larger }),
    },
  ]);
  const drawn = plan.video?.drawn ?? plan.frames?.drawn ?? false;
  const processor = await backend.open({
    detect: models.detect && { model: models.detect, options: plan.detect! },
    depth: models.depth && { model: models.depth, options: plan.depth!, maps: plan.depthMaps !== null },
    fps: plan.source.kind === 'snapshots' ? null : (source.info.fps ?? UNKNOWN_FPS),
    boxes,
    layout: plan.layout,
    picture: plan.video || plan.frames ? (drawn ? 'drawn' : 'as-is') : 'none',
    ledger,
    meter,
    log: (message) => host.log(message),
  });
  const media = source instanceof VideoSource ? source.media : null;
  const video =
    plan.video &&
    new VideoOutput({
      host,
      spec: plan.video.spec,
      info: source.info,
      media,
      range: rangeOf(plan.source),
      segment,
      upright: drawn,
      meter,
      signal,
    });
  const run = new StreamRun(
    source,
    processor,
    video,
    {
      pictures: plan.frames && new PictureOutput(host, plan.frames.id),
      maps:
        models.depth && plan.depthMaps !== null
          ? new DepthMapOutput(host, plan.depthMaps, models.depth.descriptor.output.head.larger)
          : null,
    },
    context,
  );
  try {
    const frames = await run.go();
    if (frames.count === 0)
      throw segment ? nothingOf(segment) : nothingIn(range, sourceName(plan.source), source.info.duration);
    await video?.finish();
    return {
      frames: frames.count,
      ...(segment && { shown: { first: frames.first, last: frames.last } }),
      loss: await source.loss(),
      indexAtEnd: video?.indexAtEnd ?? false,
      zones: run.zones?.totals() ?? null,
      ...run.stats(),
    };
  } catch (error) {
    await video?.cancel();
    throw error;
  } finally {
    await processor.close();
  }
}

export interface StreamResult {
  frames: number;
  /** Of a segment: when the first of them is shown, and the last, microseconds of the source. */
  shown?: { first: number; last: number };
  /** What could not be read, in words; null when all was whole. */
  loss: string | null;
  /** True when the host has to move the index of the file to its front. */
  indexAtEnd: boolean;
  zones: Record<string, ZoneTotals> | null;
  live?: LiveStats;
  crossed?: CrossedBytes;
}

interface OnItsWay {
  from: SourceFrame;
  done: Promise<Processed>;
  /** Time of the frame in seconds; the frame itself may be closed by now. */
  time: number;
  /** What is known of it, where that came with it. */
  given: FrameEvent | null;
}

/** Outputs that are a file a frame. */
interface StreamFiles {
  pictures: PictureOutput | null;
  maps: DepthMapOutput | null;
}

class StreamRun {
  readonly zones: ZoneCounter | null;
  readonly #source: FrameSource;
  readonly #processor: FrameProcessor;
  readonly #video: VideoOutput | null;
  readonly #files: StreamFiles;
  readonly #context: StreamContext;
  /** In frame order; the first is being delivered. */
  readonly #onTheWay: OnItsWay[] = [];
  readonly #moved = new Signal();
  readonly #pace: Pace | null;
  readonly #tracks: Tracks | null;
  #crossedByFirst: CrossedBytes | null = null;
  #ended = false;
  readonly #frames = { count: 0, first: 0, last: 0 };

  constructor(
    source: FrameSource,
    processor: FrameProcessor,
    video: VideoOutput | null,
    files: StreamFiles,
    context: StreamContext,
  ) {
    this.#source = source;
    this.#processor = processor;
    this.#video = video;
    this.#files = files;
    this.#context = context;
    const { source: spec } = context.plan;
    this.#pace = 'realtime' in spec && spec.realtime ? new Pace() : null;
    const follows = context.boxes === 'held' || context.boxes === 'followed';
    this.zones = follows && context.plan.zones ? new ZoneCounter(context.plan.zones) : null;
    this.#tracks = context.boxes === 'given' ? new Tracks(context.host.readTracks!()) : null;
    context.signal.addEventListener('abort', () => this.#moved.notify(), { once: true });
  }

  /**
   * Reads and delivers side by side: a frame leaves as soon as it is done, whether or not the decoder has the next.
   * @returns the frames that went out.
   */
  async go(): Promise<{ count: number; first: number; last: number }> {
    const { signal, stop } = this.#context;
    const delivering = this.#deliverAll().catch(stop);
    try {
      await this.#readAll();
      this.#end();
      await delivering;
      signal.throwIfAborted();
      return this.#frames;
    } catch (error) {
      stop(error);
      throw error;
    } finally {
      this.#end();
      // Settles what is still on its way; the ledger closes what that holds.
      if (signal.aborted) await this.#processor.close();
      await delivering;
      await Promise.allSettled(this.#onTheWay.map(({ done }) => done));
    }
  }

  /** Asked after the last frame. */
  stats(): Pick<StreamResult, 'live' | 'crossed'> {
    const [first, all] = [this.#crossedByFirst, this.#processor.crossed()];
    const each = (by: keyof CrossedBytes) =>
      Math.round((all![by] - first![by]) / Math.max(1, this.#frames.count - 1));
    return {
      ...(this.#pace && { live: this.#pace.report() }),
      ...(first && { crossed: { toGpu: each('toGpu'), toCpu: each('toCpu') } }),
    };
  }

  async #readAll(): Promise<void> {
    const { host, signal, range, meter } = this.#context;
    const stage = meter.stage('process');
    for await (const from of this.#source.frames(range)) {
      const time = from.frame.timestamp / 1e6;
      if (this.#pace && !(await this.#pace.admits(time, this.#intervalOf(from)))) {
        this.#context.ledger.close(from.frame);
        continue;
      }
      await host.admit?.();
      if (!this.#showsOutput) host.preview?.(from.frame);
      const given = (await this.#tracks?.of(this.#isWarmUp(from) ? null : from.index)) ?? null;
      const done = stage.time(() =>
        this.#processor.process({ ...from, ...(given && { given: given.detections ?? [] }) }),
      );
      // A failure is met in frame order by the delivery; until then it must not count as unhandled.
      done.catch(() => {});
      this.#onTheWay.push({ from, done, time, given });
      stage.queue(this.#onTheWay.length);
      this.#moved.notify();
      await this.#moved.until(() => this.#onTheWay.length < this.#processor.depth || signal.aborted);
      signal.throwIfAborted();
    }
  }

  get #showsOutput(): boolean {
    return this.#video !== null || this.#files.pictures !== null;
  }

  #intervalOf({ frame }: SourceFrame): number {
    return frame.duration ? frame.duration / 1e6 : 1 / (this.#source.info.fps ?? UNKNOWN_FPS);
  }

  async #deliverAll(): Promise<void> {
    while (true) {
      await this.#moved.until(() => this.#onTheWay.length > 0 || this.#ended);
      const head = this.#onTheWay[0];
      if (!head || this.#context.signal.aborted) return;
      await this.#deliver(head);
      this.#onTheWay.shift();
      this.#moved.notify();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#moved.notify();
  }

  async #deliver({ from, done, time, given }: OnItsWay): Promise<void> {
    const { host, ledger, plan, boxes } = this.#context;
    const { frame, detections, depth } = await done;
    if (this.#isWarmUp(from)) {
      if (frame) ledger.close(frame);
      return;
    }
    const happened = this.zones?.update(time, detections ?? []);
    try {
      if (plan.events) {
        await host.emit([
          {
            v: 1,
            type: 'frame',
            source: plan.source.id,
            frame: from.index,
            time: Number(time.toFixed(6)),
            ...(from.file !== undefined && { file: from.file }),
            ...(detections && { detections }),
            ...(depth?.stats && { depth: depth.stats }),
            ...(happened && { zones: happened, occupancy: this.zones!.occupancy() }),
            ...(given?.zones && { zones: given.zones, occupancy: given.occupancy! }),
            ...(boxes === 'found' && { size: [from.view.displayWidth, from.view.displayHeight] }),
            ...(from.truth && { truth: from.truth }),
          },
        ]);
      }
      if (frame) host.preview?.(frame);
      if (frame && this.#video) await this.#video.write(frame);
      const { pictures, maps } = this.#files;
      if (frame && pictures) await pictures.write(frame, from.file!);
      if (depth?.map && maps) await maps.write(depth.map, from.index, from.file);
    } finally {
      if (frame) ledger.close(frame);
    }
    if (this.#frames.count++ === 0) this.#frames.first = Math.round(time * 1e6);
    this.#frames.last = Math.round(time * 1e6);
    this.#pace?.delivered(time);
    this.#crossedByFirst ??= this.#processor.crossed();
    const { of, duration, start } = this.#expected;
    host.progress({
      ...{ source: plan.source.id, frames: this.#frames.count, of, openFrames: ledger.open },
      ...{ time: time - start, duration },
    });
  }

  get #expected(): { of: number | null; duration: number | null; start: number } {
    const { segment, range } = this.#context;
    if (!segment) return { ...expectedOf(this.#source.info, range), start: range.start };
    const { frames, firstTime, lastTime } = segment;
    return { of: frames, duration: (lastTime - firstTime) / 1e6, start: firstTime / 1e6 };
  }

  /** Looked at for what the stages remember of it: the segment before has it. */
  #isWarmUp({ index }: SourceFrame): boolean {
    const { segment } = this.#context;
    return segment !== null && index < segment.firstFrame;
  }
}

/** What was planned of a source that is damaged there. */
const nothingOf = ({ ordinal, frames }: Segment) =>
  new EdgeRunnerError(
    'segment-short',
    `Segment ${ordinal} has none of its ${frames} frames: nothing of it could be decoded.`,
    'It is tried on another node.',
  );

/** The refusal of a source that gave no frame, or has none in the part that was asked for. */
function nothingIn({ start, end }: Range, name: string, duration: number | null): EdgeRunnerError {
  if (start === 0 && !Number.isFinite(end)) return noFrames(name);
  const from = Number.isFinite(end) ? `from ${start} s to ${end} s` : `from ${start} s on`;
  return new EdgeRunnerError(
    'input-no-frames',
    `${name} has no frame ${from}${duration === null ? '' : `: it is ${duration.toFixed(2)} s long`}.`,
    'Give another --start or --end.',
  );
}

/** Frames and seconds that a range of a source will yield: exact for the whole of it, by share for a part. */
function expectedOf(
  { frames, duration }: FrameSourceInfo,
  { start, end }: Range,
): { of: number | null; duration: number | null } {
  if (start === 0 && end === Number.POSITIVE_INFINITY) return { of: frames, duration };
  if (duration === null) return { of: null, duration: Number.isFinite(end) ? end - start : null };
  const span = Math.max(0, Math.min(end, duration) - start);
  return { of: frames === null ? null : Math.max(1, Math.round((frames * span) / duration)), duration: span };
}
