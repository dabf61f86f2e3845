import type { DepthLayout, View } from '../../../kernels/index.ts';
import type { DepthModel, DetectModel } from '../../../models/descriptor.ts';
import type {
  BackendName,
  CrossedBytes,
  DepthOptions,
  Detection,
  DetectOptions,
} from '../../../protocol/index.ts';
import type { LoadedModel } from '../host.ts';
import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import type { Meter } from '../pipeline/meter.ts';
import type { FoundDepth } from './depth.ts';
import type { LiveSpec, LiveStages } from './live.ts';

/**
 * What the boxes of a frame are: those of the last inference, or those of objects that are followed from frame to frame.
 * Of a segment, where others follow them over the whole: what inference finds on this very frame, before that; after it,
 * what comes with the frame.
 */
export type BoxMode = 'held' | 'followed' | 'found' | 'given';

/** What is to be done with the frames of one source. */
export interface StreamSpec {
  detect: { model: LoadedModel<DetectModel>; options: DetectOptions } | null;
  depth: {
    model: LoadedModel<DepthModel>;
    options: DepthOptions;
    /** Whether the maps themselves are wanted. */
    maps: boolean;
  } | null;
  /** Frames a second; null for still pictures. */
  fps: number | null;
  boxes: BoxMode;
  /** What becomes of the picture: nothing, the decoder's frame as it is, or a frame with all that was found drawn in. */
  picture: 'none' | 'as-is' | 'drawn';
  /** Where depth is drawn. */
  layout: DepthLayout;
  ledger: FrameLedger;
  meter: Meter;
  /** Something worth telling the person who waits. */
  log(message: string): void;
}

export interface FrameInput {
  frame: VideoFrame;
  /** Counts frames of the whole source, from 0. */
  index: number;
  /** How this frame is turned and stretched to be shown. */
  view: View;
  /** Its boxes, where they come with it. */
  given?: Detection[];
}

export interface Processed {
  /** Owned by the ledger; the receiver closes it. Null when no picture is wanted. */
  frame: VideoFrame | null;
  /** Null when nothing is detected at all, or not on this frame where only that counts; else as {@link BoxMode} says. */
  detections: Detection[] | null;
  /** Likewise of depth. */
  depth: FoundDepth | null;
}

/** Carries the stages out for one source. */
export interface FrameProcessor {
  /** How many `process` calls may run at a time; more would only wait. */
  readonly depth: number;
  /** Takes the frame over. Calls are made in frame order; results may be awaited in any order. */
  process(input: FrameInput): Promise<Processed>;
  /** Bytes that have crossed between the processor and the GPU so far; null where there is no GPU in it. */
  crossed(): CrossedBytes | null;
  close(): Promise<void>;
}

/** What carries stages out on this machine. */
export interface Backend {
  readonly name: BackendName;
  /** Why this one, for the `source` event and for `doctor`. */
  readonly reason: string;
  open(stream: StreamSpec): Promise<FrameProcessor>;
  openLive(spec: LiveSpec): Promise<LiveStages>;
  close(): Promise<void>;
}
