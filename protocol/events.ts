/** One found object. `box` is `[x, y, width, height]` in pixels of the displayed source frame, origin top left. */
export interface Detection {
  class: string;
  /** Index of the class in the model's list. */
  id: number;
  /** 0 to 1. */
  score: number;
  box: [number, number, number, number];
  /** The same number on every frame for the same object, where objects are followed and this one is known. */
  track?: number;
}

/** One object that a made source knows to be in its picture. */
export interface Truth {
  class: string;
  /** Index of the class. */
  id: number;
  /** The same for one object over the whole source. */
  track: number;
  /** All of it that lies inside the picture, hidden or not; as a detection's. */
  box: [number, number, number, number];
  /** Share of it that is not hidden, 0 to 1. */
  visible: number;
}

/**
 * Depth values of a frame in the model's own unit: percentiles, and the ends of the range. Whether larger is nearer or
 * farther is the model's, and stands in the source event.
 */
export interface DepthStats {
  p2: number;
  p50: number;
  p98: number;
  min: number;
  max: number;
}

/** Somebody came, went or crossed a line. */
export type ZoneEvent =
  | { zone: string; event: 'enter'; track: number }
  /** `dwell` in seconds. */
  | { zone: string; event: 'exit'; track: number; dwell: number }
  | { zone: string; event: 'cross'; track: number; direction: 'forward' | 'backward' };

/** What was counted of a polygon, or of a line, over a whole source. */
export type ZoneTotals =
  | { entries: number; exits: number; mostInside: number; meanDwell: number | null }
  | { forward: number; backward: number };

export interface SourceEvent {
  v: 1;
  type: 'source';
  source: string;
  /** File name or address it was given by. */
  name: string;
  /** Displayed size: rotation and pixel aspect applied. */
  width: number;
  height: number;
  /** Mean frames per second, null where the source does not say. */
  fps: number | null;
  /** Frames and seconds as the container announces them, null where it does not. */
  frames: number | null;
  duration: number | null;
  codec: string;
  backend: string;
  /** Why this backend was chosen. */
  backendReason: string;
  models: Record<string, string>;
  /** Which depth values are near, where depth is estimated. */
  depthLarger?: 'nearer' | 'farther';
}

export interface FrameEvent {
  v: 1;
  type: 'frame';
  source: string;
  /** Index in the whole source, from 0. */
  frame: number;
  /** Seconds from the source's first frame. */
  time: number;
  /** Name of the picture, for still images. */
  file?: string;
  detections?: Detection[];
  /** Of the last frame inferred, where not every one is. */
  depth?: DepthStats;
  /** What happened at the zones on this frame, and how many are in each polygon now. */
  zones?: ZoneEvent[];
  occupancy?: Record<string, number>;
  /** Of the synthetic street. */
  truth?: Truth[];
  /** Only of a segment before anybody was followed: width and height that the frame is shown in, pixels. */
  size?: [number, number];
}

/** Milliseconds a frame spends in a stage, and how many stood waiting before it. */
export interface StageStats {
  count: number;
  mean: number;
  p50: number;
  p95: number;
  max: number;
  /** Sum over all frames, milliseconds. */
  total: number;
  /** Mean and highest depth of the queue before the stage, where it has one. */
  queueMean?: number;
  queueMax?: number;
}

/** Of a source that is read at its own pace. */
export interface LiveStats {
  /** When time 0 of the source was: milliseconds since 1970. */
  began: number;
  /** Frames that the stages had no time for. */
  dropped: number;
  /** From when a frame was due to when its events and its picture were handed on. */
  latency: StageStats;
}

/** Bytes that crossed between the processor's memory and the GPU's, a frame, after the first one. */
export interface CrossedBytes {
  toGpu: number;
  toCpu: number;
}

export interface SummaryEvent {
  v: 1;
  type: 'summary';
  source: string;
  frames: number;
  /** From the start of the job to its end; the engine's own clock. */
  seconds: number;
  fps: number;
  truncated: boolean;
  /** What was lost, in words, when truncated. */
  loss?: string;
  stages: Record<string, StageStats>;
  /** By name of the zone. */
  zones?: Record<string, ZoneTotals>;
  /** Most `VideoFrame`s open at a time, and how many were left open at the end. */
  openFrames: { peak: number; end: number };
  /** Of a source that is read at its own pace. */
  live?: LiveStats;
  /** On the webgpu backend. What the browser does by itself to import a frame is not seen. */
  crossed?: CrossedBytes;
}

export type EventLine = SourceEvent | FrameEvent | SummaryEvent;
