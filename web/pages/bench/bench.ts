import type { RungRequest, RungResult } from './rungs-worker.ts';

/** What the bench calls: one rung of the ladder, in a worker of its own as the engine has one. */
declare global {
  interface Window {
    edgeRunnerBench(request: Omit<RungRequest, 'origin'>): Promise<RungResult>;
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
