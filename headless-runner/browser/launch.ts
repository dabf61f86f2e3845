import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser } from 'puppeteer-core';
import type { BackendChoice } from '../../protocol/index.ts';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { hasGpu } from './has-gpu.ts';
import { removeOldProfiles } from './old-profiles.ts';
import { endGroup } from './process-group.ts';
import { softwareVulkan } from './software-vulkan.ts';

export interface LaunchOptions {
  executablePath: string;
  /** Decides the flags: software Vulkan slows the whole page, so only who insists on `webgpu` without a GPU gets it. */
  backend: BackendChoice;
  headed: boolean;
  /** Added to its environment. */
  env?: Record<string, string>;
}

/** A browser of our own, with a profile of its own that goes with it. */
export interface LaunchedBrowser {
  browser: Browser;
  /** Ends the browser and deletes its profile. Safe to call twice. */
  close(): Promise<void>;
}

/** @throws {EdgeRunnerError} `browser-launch` */
export async function launchBrowser({
  executablePath,
  backend,
  headed,
  env = {},
}: LaunchOptions): Promise<LaunchedBrowser> {
  await removeOldProfiles();
  const flags = gpuFlags(backend);
  const driver = flags === SOFTWARE_VULKAN ? softwareVulkan(executablePath) : {};
  const profile = await mkdtemp(join(tmpdir(), 'edge-runner-'));
  // A process that ends without closing it takes the browser along, and its profile too.
  const atExit = () => rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  process.once('exit', atExit);
  const removeProfile = async () => {
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    process.off('exit', atExit);
  };
  try {
    const browser = await puppeteer.launch({
      executablePath,
      headless: !headed,
      // Told of every frame on the page's WebSocket, we would pay for each output byte a second time.
      networkEnabled: false,
      // A pipe instead of a port: nobody else on the machine can drive this browser, and it ends when we do.
      pipe: true,
      userDataDir: profile,
      // What it puts into the temporary folder goes with its profile, also when it is killed.
      env: { ...process.env, ...driver, ...env, TMPDIR: profile },
      args: [...COMMON, ...flags, ...(isRoot() ? ['--no-sandbox'] : [])],
      defaultViewport: null,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    let closing: Promise<void> | null = null;
    const close = async () => {
      await endBrowser(browser);
      await removeProfile();
    };
    return { browser, close: () => (closing ??= close()) };
  } catch (error) {
    await removeProfile();
    throw new EdgeRunnerError(
      'browser-launch',
      `${executablePath} did not start: ${error instanceof Error ? error.message.split('\n')[0] : error}.`,
      'Start it by hand to see why ("chromium --headless=new --dump-dom about:blank"); a missing library or a full /dev/shm are usual.',
      { cause: error },
    );
  }
}

async function endBrowser(browser: Browser): Promise<void> {
  const child = browser.process();
  const exited =
    !child || child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // Its profile goes with it, so nothing is lost that a kind end, which takes two seconds, would have saved.
  child?.kill('SIGKILL');
  await exited;
  if (child?.pid) await endGroup(child.pid);
  await browser.disconnect();
}

const COMMON = [
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--mute-audio',
  // The page is busy in the background by design.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  // Containers give 64 MB of /dev/shm, which a few frames fill.
  '--disable-dev-shm-usage',
];

const SOFTWARE_VULKAN = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-angle=vulkan',
  '--use-vulkan=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
];

const HARDWARE: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: [
    '--enable-unsafe-webgpu',
    '--enable-features=Vulkan',
    '--use-angle=vulkan',
    '--disable-vulkan-surface',
    '--ignore-gpu-blocklist',
  ],
};

/** Chromium's flags for a backend on this machine. */
export function gpuFlags(backend: BackendChoice): string[] {
  const gpu = hasGpu();
  if (backend === 'cpu' || (backend === 'auto' && !gpu)) return ['--disable-gpu'];
  return gpu
    ? (HARDWARE[process.platform] ?? ['--enable-unsafe-webgpu', '--ignore-gpu-blocklist'])
    : SOFTWARE_VULKAN;
}

const isRoot = () => process.getuid?.() === 0;
