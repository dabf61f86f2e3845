import type { DeviceReport, FromNodeWorker, ToNodeWorker } from '../../../protocol/index.ts';
import { probeCapabilities } from '../../node/capabilities.ts';
import { type NodeHandle, startNode, WarmWorkers } from '../../node/index.ts';
import type { WorkerEnd, WorkerStart } from './job-worker.ts';

/** What a node's page is told by its command. */
interface NodeConfig {
  credential: string;
  build: string;
  slots: number;
  labels: string[];
  region?: string;
  device: DeviceReport;
}

/** What the command calls over the debugging pipe; no token ever stands in an address. */
declare global {
  interface Window {
    edgeRunner: {
      /** Has a worker take up the work of that number. */
      run(token: string, work: number): void;
      probe: typeof probeCapabilities;
      join(config: NodeConfig): void;
      tell(message: ToNodeWorker): void;
    };
    /** The command's own ear. */
    edgeRunnerHear(message: FromNodeWorker): void;
  }
}

let node: NodeHandle | null = null;

const workers = new WarmWorkers(
  () => new Worker(new URL('./job-worker.ts', import.meta.url), { type: 'module', name: 'engine' }),
);

window.edgeRunner = {
  run(token, work) {
    const worker = workers.take();
    // One that stumbles ends by itself, and its command hears that from its socket.
    worker.onmessage = ({ data }: MessageEvent<WorkerEnd>) => {
      if (data === 'done') workers.giveBack(worker);
      else worker.terminate();
    };
    const start: WorkerStart = { token, work, origin: location.origin };
    worker.postMessage(start);
  },
  probe: probeCapabilities,
  join(config) {
    const { origin } = location;
    node = startNode({ base: origin, host: 'headless', ortBase: `${origin}/ort/`, ...config }, (message) =>
      window.edgeRunnerHear(message),
    );
  },
  tell: (message) => node?.tell(message),
};
