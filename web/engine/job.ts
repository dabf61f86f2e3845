import { type ModelDescriptor, modelFor } from '../../models/descriptor.ts';
import {
  EdgeRunnerError,
  type JobSpec,
  type Segment,
  type SourceSpec,
  type SummaryEvent,
} from '../../protocol/index.ts';
import type { Backend, BoxMode } from './backend/backend.ts';
import { Backends } from './backend/backends.ts';
import type { EngineHost, LoadedModel } from './host.ts';
import { FrameLedger } from './pipeline/frame-ledger.ts';
import { Meter } from './pipeline/meter.ts';
import { Signal } from './pipeline/signal.ts';
import { findingPass, planJob, rangeOf, type SourcePlan, sourceName } from './plan.ts';
import { copyPackets } from './sink/copy.ts';
import { checkContainer, copiesPackets } from './sink/video-output.ts';
import type { FrameSource, Range } from './source/frame-source.ts';
import { GeneratedSource } from './source/generated.ts';
import { MediaSource } from './source/media-source.ts';
import { patternPainter } from './source/pattern.ts';
import { StillsSource } from './source/stills.ts';
import { StreetPainter } from './source/street.ts';
import { VideoSource } from './source/video-source.ts';
import { runStream, type StreamResult } from './stream.ts';

export interface EngineOptions {
  /** Address of the folder that holds onnxruntime-web's wasm files, with a slash at the end. */
  ortBase: string;
  signal: AbortSignal;
  /** How many of the machine's cores are this job's to fill; all of them where nothing is said. */
  cores?: number;
  /** Of the caller, who closes them, for several jobs one after the other; those of this job alone where none are given. */
  backends?: Backends;
  /** The part of its only source that the job is about, to be joined with the others: nothing but this goes out. */
  segment?: Segment;
  /** Of a segment of a job that follows objects: whether this pass finds them, or draws those that were followed. */
  boxes?: 'found' | 'given';
}

export interface JobResult {
  /** One for each source, in the job's order. */
  summaries: SummaryEvent[];
  /** Ids of the video outputs whose index is at the end of the file and should be moved to its front. */
  indexAtEnd: string[];
  /** Of a segment: when its first frame is shown, and its last, microseconds of the source. */
  shown?: { first: number; last: number };
}

/** What the parts of one source's run share. */
export interface StreamContext {
  host: EngineHost;
  plan: SourcePlan;
  /** Of what is read. */
  range: Range;
  segment: Segment | null;
  boxes: BoxMode;
  cores: number;
  ledger: FrameLedger;
  /** Notified whenever a frame is closed or anything else the pumps wait for has changed. */
  closed: Signal;
  meter: Meter;
  /** Aborted from outside, or by `stop`. */
  signal: AbortSignal;
  /** Ends this source's run with an error: everything that waits looks at `signal`. */
  stop(error: unknown): void;
  started: number;
}

/**
 * Carries a job out: source after source, each through decode, stages and encode, with everything it opens closed
 * again whatever happens. The one entry into the engine, for every host.
 * @throws {EdgeRunnerError}; the signal's reason when aborted.
 */
export async function runJob(job: JobSpec, host: EngineHost, options: EngineOptions): Promise<JobResult> {
  const plans = planJob(job).map((plan) => (options.boxes === 'found' ? findingPass(plan) : plan));
  for (const { video } of plans) if (video) checkContainer(video.spec);
  const models = new Map<string, Promise<LoadedModel>>();
  const backends = options.backends ?? new Backends();
  const result: JobResult = { summaries: [], indexAtEnd: [] };
  try {
    for (const plan of plans) {
      options.signal.throwIfAborted();
      const { summary, indexAtEnd, shown } = await runSource(plan, job, host, backends, models, options);
      result.summaries.push(summary);
      if (shown) result.shown = shown;
      if (indexAtEnd && plan.video) result.indexAtEnd.push(plan.video.spec.id);
      await host.emit([summary]);
    }
    return result;
  } finally {
    if (!options.backends) await backends.close();
  }
}

async function runSource(
  plan: SourcePlan,
  job: JobSpec,
  host: EngineHost,
  backends: Backends,
  models: Map<string, Promise<LoadedModel>>,
  options: EngineOptions,
): Promise<{ summary: SummaryEvent } & Pick<StreamResult, 'indexAtEnd' | 'shown'>> {
  const closed = new Signal();
  const wake = () => closed.notify();
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  const context: StreamContext = {
    host,
    plan,
    range: options.segment ? rangeOfSegment(options.segment) : rangeOf(plan.source),
    segment: options.segment ?? null,
    boxes: options.boxes ?? (plan.track ? 'followed' : 'held'),
    cores: coresOf(options),
    ledger: new FrameLedger(wake),
    closed,
    meter: new Meter(),
    signal,
    stop: (error) => failing.abort(error),
    started: performance.now(),
  };
  signal.addEventListener('abort', wake, { once: true });
  let source: FrameSource | null = null;
  try {
    source = await openSource(context);
    const { frames, loss, indexAtEnd, shown, zones, live, crossed } = await runOpened(
      source,
      context,
      (needsInference) =>
        backends.get(job.placement.backend, needsInference, host, {
          ortBase: options.ortBase,
          cores: context.cores,
        }),
      models,
    );
    if (loss !== null && job.strict) throw truncated(sourceName(plan.source), loss);
    const summary = {
      ...summarise(context, frames, loss),
      ...(zones && { zones }),
      ...(live && { live }),
      ...(crossed && { crossed }),
    };
    return { summary, indexAtEnd, ...(shown && { shown }) };
  } finally {
    source?.close();
    context.ledger.closeAll();
    signal.removeEventListener('abort', wake);
  }
}

async function runOpened(
  source: FrameSource,
  context: StreamContext,
  backendFor: (needsInference: boolean) => Promise<Backend>,
  models: Map<string, Promise<LoadedModel>>,
): Promise<StreamResult> {
  const { plan, host, boxes, meter, signal } = context;
  const { video, detect, depth } = plan;
  if (
    source instanceof VideoSource &&
    video &&
    !context.segment &&
    copiesPackets(plan, source.media.video.codec)
  ) {
    const { frames: of, duration } = source.info;
    const copied = await copyPackets({
      host,
      spec: video.spec,
      media: source.media,
      meter,
      signal,
      onPacket: (frames, time) =>
        host.progress({ source: plan.source.id, frames, of, openFrames: 0, time, duration }),
    });
    return { ...copied, zones: null };
  }
  const loaded = {
    // Those that are given were found before.
    detect: boxes === 'given' ? null : detect && as('detect', await loadOnce(models, host, detect.model)),
    depth: depth && as('depth', await loadOnce(models, host, depth.model)),
  };
  const backend = await backendFor(loaded.detect !== null || loaded.depth !== null);
  return runStream(source, backend, loaded, context);
}

/** @throws {EdgeRunnerError} `model-task` for a model of another task. */
const as = <T extends ModelDescriptor['task']>(task: T, { descriptor, bytes }: LoadedModel) => ({
  descriptor: modelFor(task, descriptor),
  bytes,
});

function openSource(context: StreamContext): Promise<FrameSource> | FrameSource {
  const { plan, host, cores, ledger, closed } = context;
  const { source } = plan;
  switch (source.kind) {
    case 'pattern':
      return new GeneratedSource(source, patternPainter(source.width, source.height), ledger, closed);
    case 'street':
      return new GeneratedSource(source, new StreetPainter(source, cores), ledger, closed);
    case 'snapshots':
      return StillsSource.open(host, source, ledger);
    case 'upload':
    case 'http':
      return openMedia(source, context);
  }
}

async function openMedia(source: SourceSpec, context: StreamContext): Promise<FrameSource> {
  const bytes = await context.host.openSource(source);
  const { segment } = context;
  // The event of the source is that of the first one.
  const known = segment && segment.ordinal > 0 ? { fps: segment.fps } : null;
  return new VideoSource(await MediaSource.open(sourceName(source), bytes, known), {
    ...context,
    encoded: context.plan.video !== null,
  });
}

/** From where it warms up to its last frame. */
const rangeOfSegment = ({ warmUp, lastTime }: Segment): Range => ({
  start: warmUp.time / 1e6,
  end: (lastTime + 1) / 1e6,
  firstFrame: warmUp.frame,
});

const coresOf = ({ cores = navigator.hardwareConcurrency }: EngineOptions): number => cores;

function loadOnce(
  models: Map<string, Promise<LoadedModel>>,
  host: EngineHost,
  name: string,
): Promise<LoadedModel> {
  const known = models.get(name);
  if (known) return known;
  const loading = host.loadModel(name);
  models.set(name, loading);
  return loading;
}

function summarise(
  { plan, ledger, meter, started }: StreamContext,
  frames: number,
  loss: string | null,
): SummaryEvent {
  const seconds = (performance.now() - started) / 1000;
  return {
    v: 1,
    type: 'summary',
    source: plan.source.id,
    frames,
    seconds: Number(seconds.toFixed(3)),
    fps: Number((frames / seconds).toFixed(2)),
    truncated: loss !== null,
    ...(loss !== null && { loss }),
    stages: meter.report(),
    openFrames: { peak: ledger.peak, end: ledger.open },
  };
}

const truncated = (name: string, loss: string) =>
  new EdgeRunnerError(
    'input-truncated',
    `${name} is not whole: ${loss}.`,
    'Run without --strict to keep what is whole, or get the complete file.',
  );
