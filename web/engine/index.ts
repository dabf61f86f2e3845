export type { EngineHost, LoadedModel, Progress, SourceBytes } from './host.ts';
export { type EngineOptions, type JobResult, runJob } from './job.ts';
export { COUNTER_BITS } from './source/pattern.ts';
