import type { JobSpec, Trust } from '../../protocol/index.ts';
import type { PlannedTask } from '../store/jobs.ts';
import { needsKey, needsOf } from './needs.ts';

/** The tasks of a job: one for each source, which has its stages and outputs with it. */
export function planTasks(spec: JobSpec, tenant: { id: string; leastTrust: Trust }): PlannedTask[] {
  return spec.sources.map(({ id }) => {
    const needs = needsOf(onlySource(spec, id), tenant.id, tenant.leastTrust);
    return { kind: 'process', source: id, needs, needsKey: needsKey(needs), after: [], maxLive: 1 };
  });
}

/** The part of a job that is about one of its sources. */
export function onlySource(spec: JobSpec, source: string): JobSpec {
  const about = new Set([source]);
  const stages = spec.stages.filter(({ id, from }) => about.has(from) && about.add(id));
  const outputs = spec.outputs.filter(({ from }) => about.has(from));
  return { ...spec, sources: spec.sources.filter(({ id }) => id === source), stages, outputs };
}
