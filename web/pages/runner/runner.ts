import type { DeviceReport, FromNodeWorker, ToNodeWorker } from '../../../protocol/index.ts';
import { probeCapabilities } from '../../node/capabilities.ts';
import { type NodeHandle, startNode } from '../../node/index.ts';

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
      run(token: string): void;
      probe: typeof probeCapabilities;
      join(config: NodeConfig): void;
      tell(message: ToNodeWorker): void;
    };
    /** The command's own ear. */
    edgeRunnerHear(message: FromNodeWorker): void;
  }
}

let node: NodeHandle | null = null;

window.edgeRunner = {
  run(token) {
    const worker = new Worker(new URL('./job-worker.ts', import.meta.url), {
      type: 'module',
      name: 'engine',
    });
    worker.postMessage({ token, origin: location.origin });
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
