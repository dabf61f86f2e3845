import type { View } from '../../../kernels/index.ts';
import type { Truth } from '../../../protocol/index.ts';

/** Frames a second taken of a source that does not say. */
export const UNKNOWN_FPS = 30;

/** What a source says of itself before its first frame. */
export interface FrameSourceInfo {
  /** Displayed size and orientation; of the first picture where they differ. */
  view: View;
  fps: number | null;
  /** Shown frames of the whole source, null where only reading tells. */
  frames: number | null;
  /** Seconds of the whole source. */
  duration: number | null;
  /** Codec string, or the kind of source that is none. */
  codec: string;
}

/** A frame on its way in. Its owner is whoever took it from the source. */
export interface SourceFrame {
  frame: VideoFrame;
  index: number;
  view: View;
  /** Name of the picture, for still images. */
  file?: string;
  /** What is in the picture, where the source made it itself. */
  truth?: Truth[];
}

export interface Range {
  /** Seconds of the source's own timeline. */
  start: number;
  end: number;
  /** Number, in the whole source, of the first frame, where that is known already. */
  firstFrame?: number;
}

/** Anything that frames come from. */
export interface FrameSource {
  readonly info: FrameSourceInfo;
  /** Frames of the range in presentation order, `index` counted over the whole source. */
  frames(range: Range): AsyncGenerator<SourceFrame, void>;
  /** What could not be read, in words; null when all was whole. Asked after the last frame. */
  loss(): Promise<string | null>;
  close(): void;
}
