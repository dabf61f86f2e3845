import { probeCapabilities } from '../../node/capabilities.ts';

/** What the command calls over the debugging pipe; the token never stands in an address. */
declare global {
  interface Window {
    edgeRunner: { run(token: string): void; probe: typeof probeCapabilities };
  }
}

window.edgeRunner = {
  run(token) {
    const worker = new Worker(new URL('./job-worker.ts', import.meta.url), {
      type: 'module',
      name: 'engine',
    });
    worker.postMessage({ token, origin: location.origin });
  },
  probe: probeCapabilities,
};
