import type { RungRequest, RungResult } from './rungs/request.ts';
import type { StreamOutcome, StreamRequest } from './streams/request.ts';
import { runStreams } from './streams/streams.ts';

/** What the bench calls, over the debugging pipe. */
declare global {
  interface Window {
    /** One rung of the ladder, in a worker of its own as the engine has one. */
    edgeRunnerBench(request: Omit<RungRequest, 'origin'>): Promise<RungResult>;
    edgeRunnerStreams(count: number, request: Omit<StreamRequest, 'origin'>): Promise<StreamOutcome[]>;
  }
}

window.edgeRunnerBench = (request) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./rungs-worker.ts', import.meta.url), {
      type: 'module',
      name: 'rungs',
    });
    worker.onmessage = ({ data }: MessageEvent<RungResult | { error: string }>) => {
      worker.terminate();
      if ('error' in data) reject(new Error(data.error));
      else resolve(data);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ ...request, origin: location.origin });
  });

window.edgeRunnerStreams = (count, request) => runStreams(count, { ...request, origin: location.origin });
