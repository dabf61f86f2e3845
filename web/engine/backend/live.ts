import type { CompositeLayer, DepthLayout, View } from '../../../kernels/index.ts';
import type { DepthModel, DetectModel } from '../../../models/descriptor.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { LoadedModel } from '../host.ts';
import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import type { Meter } from '../pipeline/meter.ts';
import type { StreamSpec } from './backend.ts';
import type { FoundDepth } from './depth.ts';

/** What is to be done with the frames of a live source: each is drawn, and those that there is time for are looked at. */
export interface LiveSpec {
  detect: { model: LoadedModel<DetectModel>; iou: number } | null;
  depth: { model: LoadedModel<DepthModel> } | null;
  /** Where depth is drawn; null where it is not. */
  layout: DepthLayout | null;
  ledger: FrameLedger;
  meter: Meter;
  /** Something worth telling the person who watches. */
  log(message: string): void;
}

export interface LiveFrame {
  frame: VideoFrame;
  /** How this frame is turned and stretched to be shown. */
  view: View;
  /** To be drawn, px of the view. */
  boxes: readonly Detection[];
  /** Over all of what goes out, undermost first. Frames among them stay the caller's, until the call has settled. */
  layers: readonly CompositeLayer<VideoFrame>[];
  /** Whether inference looks at this frame. The picture does not wait for it; the next look does. */
  look: boolean;
}

export interface LiveShown {
  /** Owned by the ledger; the receiver closes it. */
  frame: VideoFrame;
  /** What inference finds on this very frame; null where it does not look. */
  looked: Promise<Looked> | null;
}

export interface Looked {
  /** Every one that a tracker can make use of, however unsure; null without a model for it. */
  detections: Detection[] | null;
  depth: FoundDepth | null;
}

/** Draws the frames of a live source, and looks at some. Depth is drawn as it was last estimated. */
export interface LiveStages {
  /** Whether there is a model to look with. */
  readonly infers: boolean;
  /** How many `show` calls may run at a time. */
  readonly depth: number;
  /** Takes the frame over. Calls are made in frame order. */
  show(input: LiveFrame): Promise<LiveShown>;
  close(): Promise<void>;
}

/** Looks a second that depth ranges are smoothed for. */
const LOOKS_PER_SECOND = 10;

/** What inference is asked for, in the words of a stream: all that a tracker can make use of, of every class. */
export const inferredOf = ({
  detect,
  depth,
}: LiveSpec): Pick<StreamSpec, 'detect' | 'depth' | 'boxes' | 'fps'> => ({
  boxes: 'found',
  fps: LOOKS_PER_SECOND,
  detect: detect && {
    model: detect.model,
    options: { model: detect.model.descriptor.name, minScore: 1, iou: detect.iou, every: 1 },
  },
  depth: depth && {
    model: depth.model,
    options: { model: depth.model.descriptor.name, every: 1 },
    maps: false,
  },
});
