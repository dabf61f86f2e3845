/** What `inspect` finds out about a file. Times in seconds, sizes in bytes unless said otherwise. */
export interface MediaReport {
  file: string;
  bytes: number;
  kind: 'video' | 'picture' | 'audio';
  /** `mp4`, `quicktime`, `matroska`, `webm`, `mpegts`, `jpeg`, … */
  container: string;
  /** ISO BMFF only: the major brand, then the compatible ones. */
  brands: string[] | null;
  /** Of the longest track; null where nothing says it. */
  duration: number | null;
  /** Bits per second of the whole file. */
  bitrate: number | null;
  /** ISO BMFF only. */
  layout: {
    /** The index stands before the media: playing can start while it downloads. */
    fastStart: boolean;
    fragmented: boolean;
    fragments: number;
    /** The file ends before its last box does, or has no index. */
    truncated: boolean;
  } | null;
  tracks: TrackReport[];
  /** Pictures only. */
  picture: { width: number; height: number } | null;
  /** ISO BMFF only. */
  boxes: BoxReport[] | null;
}

export type TrackReport = VideoTrackReport | AudioTrackReport | OtherTrackReport;

export interface CommonTrackReport {
  id: number;
  /** As in RFC 6381 where it can be built, else the container's own name. */
  codec: string | null;
  /** ISO 639-2 or BCP 47; `und` where it is not said. */
  language: string;
  /** First presentation time. */
  start: number;
  duration: number;
  samples: number;
  bytes: number;
  /** Bits per second. */
  bitrate: number | null;
  /** ISO BMFF: the edit list; null where there is none. `mediaTime` null is a gap. */
  edits: { duration: number; mediaTime: number | null; rate: number }[] | null;
}

export interface VideoTrackReport extends CommonTrackReport {
  kind: 'video';
  /** As coded, px. */
  width: number;
  height: number;
  /** As shown: pixel aspect and rotation applied, px. */
  displayWidth: number;
  displayHeight: number;
  /** Clockwise, then mirrored left to right when `flip`. */
  rotation: 0 | 90 | 180 | 270;
  flip: boolean;
  /** Width to height of a pixel. */
  pixelAspect: [number, number];
  color: { primaries: string; transfer: string; matrix: string; fullRange: boolean | null } | null;
  /** Frames divided by duration. */
  fps: number | null;
  /** Some frames are shown longer than others, by more than the container's rounding. */
  variableFrameRate: boolean;
  keyframes: {
    count: number;
    /** Frames from a keyframe to the next, or to the end, at most. */
    maxDistance: number;
    maxSeconds: number;
  };
}

export interface AudioTrackReport extends CommonTrackReport {
  kind: 'audio';
  /** Hertz. */
  sampleRate: number;
  channels: number;
}

export interface OtherTrackReport extends CommonTrackReport {
  kind: 'other';
  /** The container's own word: `text`, `tmcd`, … */
  handler: string;
}

export interface BoxReport {
  type: string;
  /** From the start of the file. */
  start: number;
  bytes: number;
  boxes?: BoxReport[];
}
