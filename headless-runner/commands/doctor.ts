import { Command } from 'commander';
import type { BackendChoice } from '../../protocol/index.ts';
import { type CapabilityReport, EdgeRunnerError } from '../../protocol/index.ts';
import { fetchBrowser, fetchedBrowser } from '../browser/fetch.ts';
import { findBrowser } from '../browser/find.ts';
import { hasGpu } from '../browser/has-gpu.ts';
import { launchBrowser } from '../browser/launch.ts';
import { doctorModels, type ModelHere } from '../doctor/models.ts';
import { printReport } from '../doctor/print.ts';
import { LoopbackServer } from '../host/loopback-server.ts';
import { readBackend } from '../run/options.ts';

/** All that `doctor` found out. */
export interface DoctorReport {
  node: string;
  platform: string;
  browser: { path: string; version: string };
  gpuInSystem: boolean;
  capabilities: CapabilityReport;
  backend: { name: 'webgpu' | 'cpu'; reason: string };
  models: ModelHere[];
  /** What does not work here, and what to do about it. */
  advice: string[];
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what works on this machine, and what to do about what does not')
    .option('--json', 'as JSON', false)
    .option('--backend <backend>', 'look with the flags of auto, webgpu or cpu', readBackend, 'auto')
    .option('--install-browser', 'download Chrome for Testing when there is no browser', false)
    .action(
      async ({
        json,
        backend,
        installBrowser,
      }: {
        json: boolean;
        backend: BackendChoice;
        installBrowser: boolean;
      }) => {
        const report = await examine(backend, installBrowser);
        process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
      },
    );
}

async function examine(backend: BackendChoice, installBrowser: boolean): Promise<DoctorReport> {
  const path = await browserPath(installBrowser);
  const server = await LoopbackServer.start(
    { sources: new Map(), pictures: new Map(), models: new Map() },
    (socket) => socket.terminate(),
  );
  try {
    const launched = await launchBrowser({ executablePath: path, backend, headed: false });
    try {
      const page = (await launched.browser.pages())[0] ?? (await launched.browser.newPage());
      await page.goto(`${server.origin}/runner/index.html`);
      const capabilities = await page.evaluate(() => window.edgeRunner.probe());
      const models = await doctorModels();
      return {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        browser: { path, version: await launched.browser.version() },
        gpuInSystem: hasGpu(),
        capabilities,
        backend: backendOf(capabilities),
        models,
        advice: advise(capabilities, models),
      };
    } finally {
      await launched.close();
    }
  } finally {
    await server.close();
  }
}

async function browserPath(installBrowser: boolean): Promise<string> {
  try {
    return findBrowser(await fetchedBrowser());
  } catch (error) {
    if (!installBrowser || !(error instanceof EdgeRunnerError) || error.code !== 'no-browser') throw error;
    return fetchBrowser({
      onProgress: (received, total) =>
        process.stderr.write(`\rdownloading Chrome: ${Math.floor((100 * received) / total)} %`),
    });
  }
}

/** What `--backend auto` takes with these capabilities, in the words of the `source` event. */
function backendOf({ adapter }: CapabilityReport): DoctorReport['backend'] {
  if (!adapter) return { name: 'cpu', reason: 'no WebGPU adapter' };
  if (adapter.software)
    return { name: 'cpu', reason: `the only adapter is software (${adapter.architecture})` };
  return { name: 'webgpu', reason: `adapter ${adapter.vendor} ${adapter.architecture}`.trim() };
}

function advise(capabilities: CapabilityReport, models: ModelHere[]): string[] {
  const advice: string[] = [];
  const { adapter, encode, decode } = capabilities;
  if (!adapter && hasGpu())
    advice.push(
      'This machine shows a GPU, but the browser gives no WebGPU adapter: install its driver with Vulkan.',
    );
  if (adapter?.software)
    advice.push('WebGPU runs in software here: right, but slow. The cpu backend is taken instead.');
  if (!capabilities.crossOriginIsolated)
    advice.push('The page is not cross-origin isolated: inference runs on one thread.');
  if (encode.h264 === 'no')
    advice.push(
      "This browser has no H.264 encoder: MP4 output takes VP9. Google Chrome and Debian's chromium have one.",
    );
  if (decode.hevc === 'no')
    advice.push('This browser cannot decode HEVC: convert such files to H.264 first.');
  if (models.every(({ where }) => where === null)) {
    advice.push(
      'No model is here: "edge-runner models pull yolox-nano" downloads one, or EDGE_RUNNER_MODELS names a folder that holds some.',
    );
  }
  return advice;
}
