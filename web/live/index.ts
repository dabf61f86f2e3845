export * from '../engine/index.ts';
export type { LiveReport, LiveState } from '../engine/live/live-messages.ts';
export type { LiveStage } from '../engine/live/live-plan.ts';
export { LiveProcessor, type LiveProcessorOptions } from './live-processor.ts';
export { missingFor } from './missing.ts';
export { createPipeline, type Pipeline, type PipelineOptions } from './pipeline.ts';
export { type LiveSource, openSource } from './sources/index.ts';
export type { OpenSource, SourceEvents } from './sources/source.ts';
