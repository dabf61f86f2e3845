import type { FromNodeWorker, ToNodeWorker } from '../../protocol/index.ts';

export { WarmWorkers } from './warm-workers.ts';

/** The worker in which this page is a node. */
export interface NodeHandle {
  tell(message: ToNodeWorker): void;
  /** Ends it with all that it does, at once. */
  terminate(): void;
}

/** Makes this page a node. @param hear what the node has to say of itself. */
export function startNode(
  options: Omit<Extract<ToNodeWorker, { type: 'join' }>, 'type'>,
  hear: (message: FromNodeWorker) => void,
): NodeHandle {
  const worker = new Worker(new URL('./node-worker.ts', import.meta.url), { type: 'module', name: 'node' });
  worker.onmessage = ({ data }: MessageEvent<FromNodeWorker>) => hear(data);
  worker.onerror = (event) =>
    hear({
      type: 'failed',
      error: {
        code: 'engine-fault',
        message: `The worker ended: ${event.message || 'it could not be loaded'}.`,
        remedy: 'Load the page anew.',
      },
    });
  const tell = (message: ToNodeWorker) => worker.postMessage(message);
  tell({ type: 'join', ...options });
  return { tell, terminate: () => worker.terminate() };
}
