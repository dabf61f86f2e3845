import type { JobSpec, ProbeReport, SourceSpec, Trust } from '../../protocol/index.ts';
import { OF_SERVER } from '../store/claims.ts';
import type { PlannedTask } from '../store/jobs.ts';
import { chooseEncoders } from './encoder-classes.ts';
import { type Capable, needsKey, needsOf, type TaskNeeds } from './needs.ts';

/** For whom a job is planned. */
interface Tenant {
  id: string;
  leastTrust: Trust;
}

/** Of tasks that write no video, and of those that decode none either. */
const WRITES_NONE = { encode: null, encoderClass: null } as const;
const WITHOUT_PICTURES = { ...WRITES_NONE, backend: 'auto' } as const;

/** The tasks of a job: for each source a look at it, where it may be cut; else one that carries all of it out. */
export function planTasks(spec: JobSpec, tenant: Tenant): PlannedTask[] {
  return spec.sources.map((source) => {
    if (!mayBeCut(spec, source)) return wholeTask(spec, source.id, tenant);
    // Whoever looks decodes nothing.
    const needs = needsOf(onlySource(spec, source.id), tenant.id, tenant.leastTrust);
    return { ...planned('probe', source.id, { ...needs, ...WITHOUT_PICTURES, work: 'probe' }), maxLive: 2 };
  });
}

/** What carries a whole source out at once. */
export const wholeTask = (spec: JobSpec, source: string, { id, leastTrust }: Tenant): PlannedTask =>
  planned('process', source, needsOf(onlySource(spec, source), id, leastTrust));

/**
 * The tasks of a source that was looked at: one for each segment, and one that joins what they make.
 * @param nodes that are there now: of what these can do it depends who writes the video.
 */
export function planSegments(
  spec: JobSpec,
  source: string,
  { segments, sound }: ProbeReport,
  tenant: Tenant,
  nodes: Iterable<Capable>,
): PlannedTask[] {
  if (segments.length === 1) return [wholeTask(spec, source, tenant)];
  const about = onlySource(spec, source);
  const asked = needsOf(about, tenant.id, tenant.leastTrust);
  const video = about.outputs.find((output) => output.kind === 'video');
  const needs = { ...asked, ...chooseEncoders(spec, video, asked, nodes) };
  const each = (kind: 'process' | 'render', wants: TaskNeeds) =>
    segments.map((segment) => ({ ...planned(kind, source, wants), segment, maxLive: 2 }));
  const here = (kind: 'follow' | 'stitch', after: number[]) => ({
    ...planned(kind, source, { ...needs, work: kind }),
    ...{ needsKey: OF_SERVER, after },
  });
  // It goes first: it cannot be shared.
  const before =
    sound === 'encoded'
      ? [{ ...planned('sound', source, { ...needs, ...WITHOUT_PICTURES, work: 'sound' }), maxLive: 2 }]
      : [];
  const places = (from: number) => segments.map((_, place) => from + place);
  const heard = before.map((_, place) => place);
  const first = before.length;
  if (passesOf(spec, source) !== 'find, follow, render')
    return [...before, ...each('process', needs), here('stitch', [...heard, ...places(first)])];
  const follow = first + segments.length;
  return [
    ...before,
    ...each('process', { ...needs, ...WRITES_NONE, work: 'detect' }),
    here('follow', places(first)),
    ...each('render', { ...needs, work: needs.work.includes('depth') ? 'depth' : 'transcode' }).map(
      (task) => ({ ...task, after: [follow] }),
    ),
    here('stitch', [...heard, ...places(follow + 1)]),
  ];
}

/**
 * How segments are worked at: all at once; or objects are found in them, followed over all of them as they are joined,
 * or, where that has to be drawn, before they are gone through again.
 */
export function passesOf(spec: JobSpec, source: string): 'once' | 'find, follow' | 'find, follow, render' {
  const { stages, outputs } = onlySource(spec, source);
  if (!stages.some(({ kind }) => kind === 'track')) return 'once';
  const drawn = outputs.some(
    ({ kind, from }) =>
      kind === 'video' && stages.some((stage) => stage.id === from && stage.kind === 'overlay'),
  );
  return drawn ? 'find, follow, render' : 'find, follow';
}

const planned = (kind: PlannedTask['kind'], source: string, needs: TaskNeeds): PlannedTask => ({
  ...{ kind, source, needs, needsKey: needsKey(needs) },
  ...{ segment: null, after: [], maxLive: 1 },
});

function mayBeCut(spec: JobSpec, source: SourceSpec): boolean {
  return spec.segment !== null && (source.kind === 'upload' || source.kind === 'http') && !source.realtime;
}

/** The part of a job that is about one of its sources. */
export function onlySource(spec: JobSpec, source: string): JobSpec {
  const about = new Set([source]);
  const stages = spec.stages.filter(({ id, from }) => about.has(from) && about.add(id));
  const outputs = spec.outputs.filter(({ from }) => about.has(from));
  return { ...spec, sources: spec.sources.filter(({ id }) => id === source), stages, outputs };
}
