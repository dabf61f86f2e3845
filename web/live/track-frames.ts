import type { LiveInput } from '../engine/live/live-messages.ts';

/** A track, made into what the worker of a live picture can read. */
export interface TrackFrames {
  input: LiveInput;
  transfer: Transferable[];
  /** Lets go of the track; it is not stopped. */
  release(): void;
}

/**
 * Chromium reads tracks on the main thread and transfers the stream of frames, Safari reads them in the worker; elsewhere
 * a `<video>` that nobody sees plays the track and its frames are taken one by one.
 * @param readsTracks whether the worker itself can.
 * @param push takes over a frame of the last way.
 */
export async function framesOf(
  track: MediaStreamTrack,
  readsTracks: boolean,
  push: (frame: VideoFrame) => void,
): Promise<TrackFrames> {
  if (typeof MediaStreamTrackProcessor !== 'undefined') {
    const { readable } = new MediaStreamTrackProcessor({ track: track as MediaStreamVideoTrack });
    return { input: { kind: 'stream', readable }, transfer: [readable], release: () => {} };
  }
  if (readsTracks) {
    // The caller keeps its own; the worker stops the copy.
    const copy = track.clone();
    // Not in the DOM's own list of what can be transferred, which is Chromium's.
    const transfer = [copy as unknown as Transferable];
    return { input: { kind: 'track', track: copy }, transfer, release: () => {} };
  }
  const release = await playInto(track, push);
  return { input: { kind: 'frames' }, transfer: [], release };
}

async function playInto(track: MediaStreamTrack, push: (frame: VideoFrame) => void): Promise<() => void> {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  let next = 0;
  const take: VideoFrameRequestCallback = (_now, { mediaTime }) => {
    next = video.requestVideoFrameCallback(take);
    push(new VideoFrame(video, { timestamp: Math.round(mediaTime * 1e6) }));
  };
  next = video.requestVideoFrameCallback(take);
  await video.play();
  return () => {
    video.cancelVideoFrameCallback(next);
    video.srcObject = null;
  };
}
