export type { EngineHost, LoadedModel, Progress, SourceBytes } from './host.ts';
export { type EngineOptions, type JobResult, runJob } from './job.ts';
export { planJob, rangeOf } from './plan.ts';
export { BadSegmentError, joinSegments } from './segments/join.ts';
export { joinEvents, joinSummaries } from './segments/join-events.ts';
export { probeJob } from './segments/probe.ts';
export { MediaSource } from './source/media-source.ts';
export { COUNTER_BITS } from './source/pattern.ts';
