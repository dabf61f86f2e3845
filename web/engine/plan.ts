import {
  type DepthOptions,
  type DetectOptions,
  EdgeRunnerError,
  type JobSpec,
  type Layout,
  type SourceSpec,
  type VideoOutputSpec,
  type Zone,
} from '../../protocol/index.ts';
import type { Range } from './source/frame-source.ts';

/** What a job asks of one of its sources. */
export interface SourcePlan {
  source: SourceSpec;
  detect: DetectOptions | null;
  /** Whether the objects found are followed from frame to frame. */
  track: boolean;
  /** Places at which those who are followed are counted. */
  zones: readonly Zone[] | null;
  depth: DepthOptions | null;
  /** Where depth is drawn. */
  layout: Layout;
  video: { spec: VideoOutputSpec; drawn: boolean } | null;
  /** Id of the output that wants the pictures of a still source back, with their drawing. */
  frames: { id: string; drawn: boolean } | null;
  /** Id of the output that wants the depth maps themselves. */
  depthMaps: string | null;
  events: boolean;
}

/**
 * Reads the graph of a job as one chain a source.
 * @throws {EdgeRunnerError} `job-invalid` for a graph that the engine does not carry out.
 */
export function planJob(job: JobSpec): SourcePlan[] {
  return job.sources.map((source) => planSource(job, source));
}

function planSource(job: JobSpec, source: SourceSpec): SourcePlan {
  const plan: SourcePlan = {
    source,
    detect: null,
    track: false,
    zones: null,
    depth: null,
    layout: 'overlay',
    video: null,
    frames: null,
    depthMaps: null,
    events: false,
  };
  const detected = new Set<string>();
  const tracked = new Set<string>();
  const estimated = new Set<string>();
  const drawn = new Set<string>();
  const reached = new Set([source.id]);
  // Stages come after what they stand on: the schema refuses a job where one does not.
  for (const stage of job.stages) {
    if (!reached.has(stage.from)) continue;
    if (stage.kind === 'detect') {
      if (plan.detect) throw refused(`two detect stages stand on the source "${source.id}"`);
      plan.detect = stage.options;
      detected.add(stage.id);
    } else if (stage.kind === 'track') {
      if (!detected.has(stage.from)) throw refused(`"${stage.id}" does not stand on a detect stage`);
      if (source.kind === 'snapshots') throw refused('still pictures have nobody to follow');
      plan.track = true;
      detected.add(stage.id);
      tracked.add(stage.id);
    } else if (stage.kind === 'zones') {
      if (!tracked.has(stage.from)) throw refused(`"${stage.id}" does not stand on a track stage`);
      if (plan.zones) throw refused(`two zones stages stand on the source "${source.id}"`);
      plan.zones = stage.options.zones;
      detected.add(stage.id);
    } else if (stage.kind === 'depth') {
      if (plan.depth) throw refused(`two depth stages stand on the source "${source.id}"`);
      plan.depth = stage.options;
      estimated.add(stage.id);
      if (detected.has(stage.from)) detected.add(stage.id);
      if (tracked.has(stage.from)) tracked.add(stage.id);
    } else {
      if (!detected.has(stage.from) && !estimated.has(stage.from))
        throw refused(`the overlay "${stage.id}" does not stand on a detect or a depth stage`);
      if (stage.options.layout !== 'overlay' && !estimated.has(stage.from))
        throw refused(`the overlay "${stage.id}" shows depth, and does not stand on a depth stage`);
      plan.layout = stage.options.layout;
      drawn.add(stage.id);
    }
    if (estimated.has(stage.from)) estimated.add(stage.id);
    reached.add(stage.id);
  }
  for (const output of job.outputs.filter((output) => reached.has(output.from))) {
    if (output.kind === 'events') plan.events = true;
    else if (output.kind === 'video') {
      if (plan.video) throw refused(`two video outputs stand on the source "${source.id}"`);
      if (source.kind === 'snapshots')
        throw refused('still pictures do not become a video: give a "frames" output');
      plan.video = { spec: output, drawn: drawn.has(output.from) };
    } else if (output.kind === 'depth-maps') {
      if (!estimated.has(output.from)) throw refused(`"${output.id}" does not stand on a depth stage`);
      plan.depthMaps = output.id;
    } else {
      if (source.kind !== 'snapshots') throw refused('a "frames" output takes still pictures');
      plan.frames = { id: output.id, drawn: drawn.has(output.from) };
    }
  }
  return plan;
}

const refused = (what: string) =>
  new EdgeRunnerError(
    'job-invalid',
    `The job cannot be carried out: ${what}.`,
    'docs/job-spec.md shows the graphs that can.',
  );

/**
 * What of a plan is carried out in a first pass over segments, which only finds: what shows who was followed waits for
 * the second one.
 */
export function findingPass(plan: SourcePlan): SourcePlan {
  const waits = plan.video?.drawn ?? false;
  return {
    ...{ ...plan, track: false, events: true },
    ...(waits && { video: null, depth: null, depthMaps: null }),
  };
}

/** The part of a source that a job is about. */
export function rangeOf(source: SourceSpec): Range {
  const { start = 0, end = Number.POSITIVE_INFINITY } = 'start' in source || 'end' in source ? source : {};
  return { start, end };
}

/** What a person calls the source. */
export function sourceName(source: SourceSpec): string {
  switch (source.kind) {
    case 'upload':
      return source.name;
    case 'http':
      return source.url;
    case 'snapshots':
      return source.files.length === 1 ? source.files[0]! : `${source.files.length} pictures`;
    case 'pattern':
      return 'pattern';
    case 'street':
      return `street ${source.seed}`;
  }
}
