import { arrange, type Orientation, uprightSize, type View } from '../../../kernels/index.ts';
import type { BannerState, FrameEvent } from '../../../protocol/index.ts';
import type { LiveFrame, LiveStages, Looked } from '../backend/live.ts';
import { Banner } from '../banner/banner.ts';
import { FrameLedger } from '../pipeline/frame-ledger.ts';
import { Meter } from '../pipeline/meter.ts';
import { Signal } from '../pipeline/signal.ts';
import { ZoneCounter } from '../zones/zone-counter.ts';
import { eachFrame } from './each-frame.ts';
import { FrameClock, type Tick } from './frame-clock.ts';
import { LiveBoxes, type Shown } from './live-boxes.ts';
import type { FromLiveWorker, LiveSetup } from './live-messages.ts';
import { type LivePlan, planLive } from './live-plan.ts';
import { LiveStageHost, type StageHostOptions } from './live-stage-host.ts';
import { LiveTally } from './live-tally.ts';
import { StillPicture } from './still-picture.ts';

/** Where frames go. Takes a frame over, whether or not it resolves. */
export type FrameSink = (frame: VideoFrame) => Promise<void>;

/**
 * A live picture: each frame that comes goes out as soon as it is drawn, and never waits for a model. Inference looks at
 * the newest frame whenever it has time; what it found is moved on to the frames that are shown meanwhile. Frames that
 * there is no time for are left to the source, which keeps the newest.
 */
export class LiveRun {
  readonly #ledger: FrameLedger;
  readonly #meter = new Meter();
  readonly #moved = new Signal();
  readonly #host: LiveStageHost;
  readonly #sink: FrameSink;
  readonly #tell: (message: FromLiveWorker) => void;
  readonly #clock = new FrameClock();
  #plan: LivePlan;
  #boxes: LiveBoxes;
  #zones: ZoneCounter | null;
  readonly #banner: Banner;
  readonly #still: StillPicture;
  /** The newest frame of the second picture. */
  #inset: VideoFrame | null = null;
  #looking = false;
  #lastLook = Number.NEGATIVE_INFINITY;
  /** Frames on their way, and the end of the last one's. */
  #onTheWay = 0;
  #written: Promise<void> = Promise.resolve();
  #isStopped = false;
  readonly #tally: LiveTally;
  #firstTime: number | null = null;

  /** @throws {EdgeRunnerError} as {@link planLive} does. */
  constructor(
    setup: LiveSetup,
    loadModel: StageHostOptions['loadModel'],
    sink: FrameSink,
    tell: (message: FromLiveWorker) => void,
  ) {
    this.#ledger = new FrameLedger(() => this.#moved.notify());
    this.#sink = sink;
    this.#tally = new LiveTally({ ledger: this.#ledger, meter: this.#meter, clock: this.#clock }, (report) =>
      tell({ type: 'report', report }),
    );
    this.#tell = tell;
    this.#plan = planLive(setup.stages);
    this.#boxes = new LiveBoxes(this.#clock.fps, shownOf(this.#plan));
    this.#zones = this.#plan.zones && new ZoneCounter(this.#plan.zones);
    this.#host = new LiveStageHost(
      {
        ...{ backend: setup.backend, ortBase: setup.ortBase, loadModel },
        cores: navigator.hardwareConcurrency,
        tell: (state) => tell({ type: 'state', ...state }),
        log: (message) => tell({ type: 'log', message }),
      },
      { ledger: this.#ledger, meter: this.#meter },
    );
    this.#still = new StillPicture(
      this.#ledger,
      (frame) => this.#take(frame, false),
      () => this.#onTheWay === 0 && this.#hasBanner,
    );
    this.#banner = new Banner((message) => tell({ type: 'log', message }));
    if (this.#plan.banner) this.#lay(this.#plan.banner);
    this.#host.use(this.#plan);
  }

  /** Whether nobody takes the picture any more: whoever had it stopped it, and it does not begin again. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  setBanner(state: BannerState): void {
    this.#plan = { ...this.#plan, banner: state };
    this.#lay(state);
  }

  #lay(state: BannerState): void {
    this.#banner.set(state, performance.now() / 1000);
  }

  /** Something lies over the picture, or may at any time. */
  get #hasBanner(): boolean {
    return this.#plan.banner !== null || !this.#banner.isEmpty;
  }

  /**
   * Other stages; those that are open go on until the new ones are.
   * @throws {EdgeRunnerError} as {@link planLive} does; everything stays as it was then.
   */
  setStages(stages: LiveSetup['stages']): void {
    const before = this.#plan;
    const plan = planLive(stages);
    this.#plan = plan;
    this.#boxes.show(shownOf(plan));
    if (JSON.stringify(plan.zones) !== JSON.stringify(before.zones))
      this.#zones = plan.zones && new ZoneCounter(plan.zones);
    if (JSON.stringify(plan.banner) !== JSON.stringify(before.banner))
      this.#lay(plan.banner ?? { v: 1, layers: [] });
    if (plan.detect?.model !== before.detect?.model)
      this.#boxes = new LiveBoxes(this.#clock.fps, shownOf(plan));
    if (openedFor(plan) !== openedFor(before) || !this.#host.current) this.#host.use(plan);
  }

  /** Takes all frames of a source, until it ends, `signal` says so, or nobody takes what comes out. */
  async run(readable: ReadableStream<VideoFrame>, signal: AbortSignal): Promise<void> {
    try {
      const gone = new AbortController();
      await eachFrame(readable, AbortSignal.any([signal, gone.signal]), async (frame) => {
        this.#ledger.own(frame);
        this.#tally.came();
        if (this.#hasBanner) this.#still.hold(frame);
        else this.#still.release();
        await this.#take(frame, true);
        if (this.#isStopped) gone.abort();
      });
    } finally {
      this.#still.release();
      await this.#written;
    }
  }

  /** Takes a banner's second picture, likewise; of it only the newest frame is held. */
  async runInset(readable: ReadableStream<VideoFrame>, signal: AbortSignal): Promise<void> {
    try {
      await eachFrame(readable, signal, async (frame) => this.#holdInset(frame));
    } finally {
      this.#holdInset(null);
    }
  }

  async close(): Promise<void> {
    this.#tally.close();
    await this.#written;
    await this.#host.close();
    this.#ledger.closeAll();
  }

  #holdInset(frame: VideoFrame | null): void {
    if (this.#inset) this.#ledger.close(this.#inset);
    this.#inset = frame && this.#ledger.own(frame);
  }

  /** Sends the frame on its way; resolves when the next one may come. @param look whether it may be looked at. */
  async #take(came: VideoFrame, look: boolean): Promise<void> {
    const at = performance.now();
    const tick = this.#clock.next(came.timestamp);
    const frame = this.#restamped(came, tick);
    const source = { width: frame.displayWidth, height: frame.displayHeight };
    const shown = this.#show(frame, tick, look);
    shown.catch(() => {});
    this.#onTheWay++;
    this.#written = this.#written.then(async () => {
      try {
        const out = await shown;
        if (!out) return;
        this.#tally.goesOut(out, source);
        await this.#sink(out);
        this.#tally.wentOut(performance.now() - at);
      } catch (error) {
        if (!this.#isStopped) this.#tell({ type: 'stopped', why: wordsOf(error) });
        this.#isStopped = true;
      } finally {
        this.#onTheWay--;
        this.#moved.notify();
      }
    });
    await this.#moved.until(() => this.#onTheWay < (this.#host.current?.depth ?? 1));
  }

  /** Times go on where a source begins anew or another one is taken: nobody shows a frame that is older than the last. */
  #restamped(frame: VideoFrame, { timestamp }: Tick): VideoFrame {
    if (frame.timestamp === timestamp) return frame;
    const copy = this.#ledger.own(new VideoFrame(frame, { timestamp }));
    this.#ledger.close(frame);
    return copy;
  }

  /** @returns null for a frame that is lost with the stages that failed at it. */
  async #show(frame: VideoFrame, tick: Tick, mayLook: boolean): Promise<VideoFrame | null> {
    const stages = this.#host.current;
    if (!stages) return this.#letGo(frame);
    const view = viewOf(frame);
    const look = mayLook && stages.infers && this.#isDue(tick);
    const boxes = this.#plan.layout === null ? [] : this.#boxes.at(tick.index, view);
    if (look) this.#looking = true;
    // Its own hold on the second picture, which may be another one before this frame is drawn.
    const inset = this.#inset && this.#ledger.own(this.#inset.clone());
    try {
      const layers = this.#layers(frame, view, inset);
      const { frame: made, looked } = await stages.show({ frame, view, boxes, layers, look });
      if (look) this.#hear(stages, tick, looked);
      return this.#letGo(made);
    } catch (error) {
      if (look) this.#looking = false;
      this.#host.fail(stages, error);
      return null;
    } finally {
      if (inset) this.#ledger.close(inset);
    }
  }

  /** The banner over all of what goes out, depth beside the picture too. */
  #layers(frame: VideoFrame, view: View, inset: VideoFrame | null): LiveFrame['layers'] {
    if (this.#banner.isEmpty) return [];
    const { width, height } = frame.visibleRect!;
    const upright = uprightSize(width, height, view.orientation);
    const { depth, layout } = this.#plan;
    return this.#banner.layersAt({
      ...arrange(depth && layout, upright.width, upright.height),
      ...{ seconds: performance.now() / 1000, date: new Date() },
      inset: inset && { frame: inset, view: viewOf(inset) },
    });
  }

  #isDue({ index }: Tick): boolean {
    const { detect, depth } = this.#plan;
    const every = Math.min(
      detect?.every ?? Number.POSITIVE_INFINITY,
      depth?.every ?? Number.POSITIVE_INFINITY,
    );
    if (this.#looking || index - this.#lastLook < every || every === Number.POSITIVE_INFINITY) return false;
    this.#lastLook = index;
    return true;
  }

  #hear(stages: LiveStages, tick: Tick, looked: Promise<Looked> | null): void {
    const done = () => {
      this.#looking = false;
    };
    (looked ?? Promise.reject(new Error('nothing was looked at')))
      .then((found) => this.#found(tick, found))
      .catch((error: unknown) => this.#host.fail(stages, error))
      .finally(done);
  }

  #found({ index, timestamp }: Tick, { detections, depth }: Looked): void {
    this.#tally.looked();
    this.#firstTime ??= timestamp;
    const time = (timestamp - this.#firstTime) / 1e6;
    const followed = detections && this.#boxes.found(index, detections);
    const happened = followed && this.#zones?.update(time, followed);
    const line: FrameEvent = {
      ...{ v: 1, type: 'frame', source: 'live', frame: index, time: Number(time.toFixed(6)) },
      ...(followed && { detections: followed }),
      ...(depth?.stats && { depth: depth.stats }),
      ...(happened && { zones: happened, occupancy: this.#zones!.occupancy() }),
    };
    this.#tell({ type: 'events', lines: [line] });
  }

  #letGo(frame: VideoFrame): VideoFrame {
    this.#ledger.handOver(frame);
    return frame;
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : `${error}`);

/** Cameras of telephones turn their frames by a note, which not every browser knows of. */
function viewOf(frame: VideoFrame & Partial<Orientation>): View {
  const { displayWidth, displayHeight, rotation = 0, flip = false } = frame;
  return { displayWidth, displayHeight, orientation: { rotation, flip } };
}

const shownOf = ({ detect, track, zones }: LivePlan): Shown => ({
  minScore: detect?.minScore ?? 0,
  classes: detect?.classes ? new Set(detect.classes) : null,
  // Whoever counts needs to know who is who.
  numbered: track || zones !== null,
});

/** What of a plan the stages are opened for; the rest changes while they are open. */
const openedFor = ({ detect, depth, layout }: LivePlan): string =>
  JSON.stringify([detect?.model, detect?.iou, depth?.model, layout]);
