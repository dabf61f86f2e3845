export { EdgeRunnerError, type ErrorCode } from '../../protocol/index.ts';
export * from '../engine/index.ts';
export type { LiveReport, LiveState } from '../engine/live/live-messages.ts';
export type { LiveStage } from '../engine/live/live-plan.ts';
export { LiveProcessor, type LiveProcessorOptions } from './live-processor.ts';
export { missingFor } from './missing.ts';
export { createPipeline, type Pipeline, type PipelineOptions } from './pipeline.ts';
export { type Call, type CallEvents, callStream } from './rtc/call.ts';
export {
  type Publication,
  type PublicationEvents,
  type PublicationStats,
  type PublishOptions,
  publishStream,
} from './rtc/publication.ts';
export {
  type ReceiveOptions,
  type Reception,
  type ReceptionEvents,
  receiveStream,
} from './rtc/reception.ts';
export type { SendingStats } from './rtc/send-stats.ts';
export { type Sending, type SendingEvents, sendWhip, type WhipOptions } from './rtc/whip.ts';
export { type LiveSource, openSource } from './sources/index.ts';
export type { OpenSource, SourceEvents } from './sources/source.ts';
