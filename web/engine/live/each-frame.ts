/** Reads a stream of frames to its end, one after the other; `take` owns each. */
export async function eachFrame(
  readable: ReadableStream<VideoFrame>,
  signal: AbortSignal,
  take: (frame: VideoFrame) => Promise<void>,
): Promise<void> {
  const reader = readable.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) return;
      if (signal.aborted) value.close();
      else await take(value);
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
