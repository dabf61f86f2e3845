import type { StreamOutcome, StreamReply, StreamRequest } from './request.ts';

/** So many streams at once, each in a worker of its own, all on this browser: what one node carries. */
export const runStreams = (count: number, request: StreamRequest): Promise<StreamOutcome[]> =>
  Promise.all(Array.from({ length: count }, () => runStream(request)));

function runStream(request: StreamRequest): Promise<StreamOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./stream-worker.ts', import.meta.url), {
      type: 'module',
      name: 'stream',
    });
    const end = (settle: () => void) => {
      worker.terminate();
      settle();
    };
    worker.onmessage = ({ data }: MessageEvent<StreamReply>) => {
      if (data.type === 'done') end(() => resolve(data));
      if (data.type === 'error') end(() => reject(new Error(data.error)));
    };
    worker.onerror = ({ message }) => end(() => reject(new Error(message)));
    worker.postMessage(request);
  });
}
