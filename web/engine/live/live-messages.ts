import type {
  BackendChoice,
  BackendName,
  BannerState,
  ErrorRecord,
  FrameEvent,
  StageStats,
} from '../../../protocol/index.ts';
import type { LiveStage } from './live-plan.ts';

export interface LiveSetup {
  stages: readonly LiveStage[];
  backend: BackendChoice;
  /** Address of the folder that holds onnxruntime-web's wasm files, with a slash at the end. */
  ortBase: string;
  /** Address of the folder that holds the models' files, with a slash at the end. */
  modelBase: string;
}

/** What the page says to the worker of a live picture. */
export type ToLiveWorker =
  | { type: 'open'; setup: LiveSetup; output: LiveOutput }
  /** What is read from now on; the one before is let go. */
  | { type: 'source'; source: LiveInput }
  | { type: 'stages'; stages: readonly LiveStage[] }
  /** Of the banner stage, which stands without it too. */
  | { type: 'banner'; banner: BannerState }
  /** The second picture of a banner; null for none. */
  | { type: 'inset'; source: LiveInput | null }
  /** A frame of a source, or an inset, of kind `frames`. */
  | { type: 'frame'; frame: VideoFrame; of: 'source' | 'inset' }
  /** Nothing comes any more, and nothing is asked for: ends the worker. */
  | { type: 'close' };

/** Where frames come from: a stream made where tracks are, the track itself, or one by one in messages. */
export type LiveInput =
  | { kind: 'stream'; readable: ReadableStream<VideoFrame> }
  | { kind: 'track'; track: MediaStreamTrack }
  | { kind: 'frames' };

/** Where they go: likewise, or onto a canvas that the page captures. */
export type LiveOutput =
  | { kind: 'stream'; writable: WritableStream<VideoFrame> }
  | { kind: 'track' }
  | { kind: 'canvas'; canvas: OffscreenCanvas };

/** How it goes with the stages of a live picture. The picture itself goes on in all of them, as it came in. */
export type LiveState =
  /** Models are loaded and compiled. */
  | { state: 'opening' }
  | { state: 'running'; backend: BackendName; backendReason: string }
  /** Something failed, and it is tried again. */
  | { state: 'recovering'; error: ErrorRecord }
  /** It does not go on by itself: other stages may. */
  | { state: 'failed'; error: ErrorRecord };

/** Measured since the last report. */
export interface LiveReport {
  /** Seconds that it is about. */
  seconds: number;
  /** Frames that came. */
  came: number;
  /** Frames that went out: what stands still is shown again where something moves over it. */
  frames: number;
  /** Frames that inference looked at. */
  looked: number;
  /** Frames that never came, or had to make room for later ones. */
  dropped: number;
  /** Pixels of the picture that goes out. */
  width: number;
  height: number;
  /** Of the one that came in, as it is shown. */
  source: { width: number; height: number };
  /** `VideoFrame`s open now. */
  openFrames: number;
  /** Milliseconds from when a frame came in to when it went out; null while none did. */
  latency: StageStats | null;
  /** Milliseconds of each stage. */
  stages: Record<string, StageStats>;
}

/** What the worker of a live picture says. */
export type FromLiveWorker =
  /** The worker is loaded; whether it can make streams of tracks and tracks of streams itself. */
  | { type: 'ready'; readsTracks: boolean; makesTracks: boolean }
  /** Of an output of kind `track`. */
  | { type: 'track'; track: MediaStreamTrack }
  | ({ type: 'state' } & LiveState)
  | { type: 'events'; lines: FrameEvent[] }
  | { type: 'report'; report: LiveReport }
  | { type: 'log'; message: string }
  /** Nobody takes the picture any more, and it does not begin again. */
  | { type: 'stopped'; why: string }
  /** The source has ended; another one may come. */
  | { type: 'ended' }
  /** All is closed; nothing more comes. */
  | { type: 'closed' };
