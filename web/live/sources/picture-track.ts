/**
 * A track of pictures that are made one after the other, at an even pace; one that is not ready in time is waited for,
 * and those after it come later.
 */
export function trackOfPictures(
  fps: number,
  make: (index: number) => Promise<VideoFrame>,
): { track: MediaStreamTrack; close(): void } {
  const { track, write } = newTrack();
  let closed = false;
  let began: number | null = null;
  const run = async () => {
    for (let index = 0; !closed; index++) {
      const frame = await make(index);
      began ??= performance.now();
      const due = began + (index * 1000) / fps - performance.now();
      if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
      else began -= due;
      if (closed) frame.close();
      // A track that is stopped takes nothing over.
      else await write(frame).finally(() => frame.close());
    }
  };
  // Whatever it was painted with is closed.
  run().catch(() => {});
  const close = () => {
    closed = true;
    track.stop();
  };
  return { track, close };
}

function newTrack(): { track: MediaStreamTrack; write(frame: VideoFrame): Promise<void> } {
  if (typeof MediaStreamTrackGenerator !== 'undefined') {
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    return { track, write: (frame) => writer.write(frame) };
  }
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d')!;
  const write = async (frame: VideoFrame) => {
    Object.assign(canvas, { width: frame.displayWidth, height: frame.displayHeight });
    context.drawImage(frame, 0, 0);
    frame.close();
  };
  return { track: canvas.captureStream().getVideoTracks()[0]!, write };
}
