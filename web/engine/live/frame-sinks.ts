import type { LiveOutput } from './live-messages.ts';
import type { FrameSink } from './live-run.ts';

/** Where the frames of a live picture go; `track` is what is made here of them, where one is. */
export interface OpenSink {
  sink: FrameSink;
  track: MediaStreamTrack | null;
  close(): Promise<void>;
}

export function openSink(output: LiveOutput): OpenSink {
  switch (output.kind) {
    case 'stream':
      return { ...writing(output.writable), track: null };
    case 'track': {
      const generator = new VideoTrackGenerator();
      return { ...writing(generator.writable), track: generator.track };
    }
    case 'canvas':
      return { sink: drawing(output.canvas), track: null, close: async () => {} };
  }
}

function writing(writable: WritableStream<VideoFrame>): Pick<OpenSink, 'sink' | 'close'> {
  const writer = writable.getWriter();
  return {
    sink: async (frame) => {
      try {
        await writer.write(frame);
      } finally {
        // A stream that was transferred takes a copy, one that was not the frame itself; closing twice does no harm.
        frame.close();
      }
    },
    close: () => writer.close().catch(() => {}),
  };
}

/** For browsers that make no tracks of frames: their page captures the canvas. */
function drawing(canvas: OffscreenCanvas): FrameSink {
  const context = canvas.getContext('2d', { alpha: false })!;
  return async (frame) => {
    try {
      const { displayWidth, displayHeight } = frame;
      if (canvas.width !== displayWidth || canvas.height !== displayHeight)
        Object.assign(canvas, { width: displayWidth, height: displayHeight });
      context.drawImage(frame, 0, 0);
    } finally {
      frame.close();
    }
  };
}
