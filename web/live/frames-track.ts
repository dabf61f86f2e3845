import type { LiveOutput } from '../engine/live/live-messages.ts';

/** The track that the worker's frames become. */
export interface FramesTrack {
  output: LiveOutput;
  transfer: Transferable[];
  /** Null where the worker makes it. */
  track: MediaStreamTrack | null;
}

/**
 * Chromium makes tracks of frames on the main thread, Safari in the worker; elsewhere the worker draws onto a canvas that
 * is captured here.
 * @param makesTracks whether the worker itself can.
 */
export function trackOfFrames(makesTracks: boolean): FramesTrack {
  if (typeof MediaStreamTrackGenerator !== 'undefined') {
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const { writable } = track;
    return { output: { kind: 'stream', writable }, transfer: [writable], track };
  }
  if (makesTracks) return { output: { kind: 'track' }, transfer: [], track: null };
  const element = document.createElement('canvas');
  const [track] = element.captureStream().getVideoTracks();
  const canvas = element.transferControlToOffscreen();
  return { output: { kind: 'canvas', canvas }, transfer: [canvas], track: track! };
}
