import { EdgeRunnerError } from '../../../protocol/index.ts';

/** Safari and Firefox have no `captureStream` of elements, or another name for it. */
type Capturing = HTMLVideoElement & { captureStream?(): MediaStream; mozCaptureStream?(): MediaStream };

/** Milliseconds by which the sound of a captured element comes before its picture (Chromium 156: 57 to 110, in the middle this). */
const CAPTURE_LEAD = 70;

/** A `<video>` that nobody sees. Its sound goes nowhere but into what is captured. */
export function newPlayer(): HTMLVideoElement {
  const video = document.createElement('video');
  video.playsInline = true;
  video.crossOrigin = 'anonymous';
  // Without a gesture of the person only what is silent may start; what is captured has its sound all the same.
  video.muted = true;
  return video;
}

/** What is captured of an element; its tracks are stopped by whoever has it. */
export interface Capture {
  stream: MediaStream;
  /** Milliseconds by which its sound comes before its picture. */
  soundLead: number;
  release(): void;
}

/**
 * What an element plays, as a stream. Where elements cannot be captured their frames are drawn onto a canvas that can,
 * without the sound.
 */
export function captureOf(video: Capturing): Capture {
  const stream = video.captureStream?.() ?? video.mozCaptureStream?.();
  if (stream) return { stream, soundLead: CAPTURE_LEAD, release: () => {} };
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d')!;
  let next = 0;
  const draw = () => {
    const { videoWidth: width, videoHeight: height } = video;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.drawImage(video, 0, 0);
    next = video.requestVideoFrameCallback(draw);
  };
  next = video.requestVideoFrameCallback(draw);
  return {
    stream: canvas.captureStream(),
    soundLead: 0,
    release: () => video.cancelVideoFrameCallback(next),
  };
}

/** Milliseconds within which the first picture has to come. */
const PATIENCE = 15_000;

/**
 * Resolves when there is a picture.
 * @throws {EdgeRunnerError} `input-not-media`, `input-no-video`; `connection-lost` when none comes; or as `why` says
 */
export async function ready(
  video: HTMLVideoElement,
  name: string,
  why?: () => Promise<EdgeRunnerError | null>,
): Promise<void> {
  const came = await new Promise<'picture' | 'fault' | 'nothing'>((resolve) => {
    video.onloadeddata = () => resolve('picture');
    video.onerror = () => resolve('fault');
    setTimeout(() => resolve('nothing'), PATIENCE);
  });
  if (came === 'fault') throw (await why?.()) ?? notPlayable(name);
  if (came === 'nothing') throw nothingCame(name);
  if (video.videoWidth === 0)
    throw new EdgeRunnerError('input-no-video', `${name} has no picture.`, 'Choose one with a video track.');
}

const nothingCame = (name: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `${name} has given no picture within ${PATIENCE / 1000} s.`,
    'See that the address is right and something is on air there; then try again.',
  );

export const notPlayable = (name: string, plays = 'MP4 with H.264 and WebM play everywhere.') =>
  new EdgeRunnerError('input-not-media', `${name} is nothing that this browser can play.`, plays);
