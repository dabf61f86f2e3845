import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fetchedBrowser } from '../../headless-runner/browser/fetch.ts';
import { findBrowser } from '../../headless-runner/browser/find.ts';
import { hasGpu } from '../../headless-runner/browser/has-gpu.ts';
import { softwareVulkan } from '../../headless-runner/browser/software-vulkan.ts';
import { BufferUsage } from '../../kernels/index.ts';
import { GpuClock } from '../../web/pages/bench/rungs/gpu-clock.ts';
import { PEERS } from '../peers/peer.ts';
import { median } from '../reporting/statistics.ts';
import { type KernelSizes, kernelCases } from './cases.ts';

/** What this process prints, as one line of JSON. */
export interface KernelReport {
  adapter: string;
  software: boolean;
  sizes: KernelSizes;
  /** Bytes read and written a second by a copy from buffer to buffer, each round. */
  copy: number[];
  /** By the GPU's own clock; null where it has none, and the submits are timed from outside. */
  clock: 'gpu' | 'fence';
  kernels: { name: string; what: string; bytes: number; ms: number[] }[];
}

interface Dawn {
  create(flags: string[]): GPU;
  globals: object;
}

const ROUNDS = 5;
/** How long the commands of one timing take about, ms: long beside the clock's grain. */
const TIMED_MS = { hardware: 20, software: 60 };
const SIZES: Record<'hardware' | 'software', KernelSizes & { copyBytes: number }> = {
  hardware: { width: 1920, height: 1080, input: 640, copyBytes: 1 << 28 },
  software: { width: 640, height: 360, input: 320, copyBytes: 1 << 24 },
};

/** Every WGSL kernel in Node, on Dawn: no browser between. */
async function main(): Promise<void> {
  await takeSoftwareVulkan();
  const dawn = (await import(pathToFileURL(join(PEERS, 'node_modules/webgpu/index.js')).href)) as Dawn;
  Object.assign(globalThis, dawn.globals);
  // As in a browser, and kept there: Dawn's adapters and devices do not outlive it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: dawn.create([]) } });
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('Dawn finds no adapter: there is no Vulkan or Metal driver here');
  const { info } = adapter;
  const software =
    info.isFallbackAdapter || /swiftshader|llvmpipe/i.test(`${info.architecture} ${info.description}`);
  const requiredFeatures: GPUFeatureName[] = adapter.features.has('timestamp-query')
    ? ['timestamp-query']
    : [];
  const requiredLimits = { maxBufferSize: adapter.limits.maxBufferSize };
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  const kind = software ? 'software' : 'hardware';
  const { copyBytes, ...sizes } = SIZES[kind];
  const stopwatch = new Stopwatch(device, TIMED_MS[kind]);
  const cases = kernelCases(device, sizes);
  const copy = copier(device, copyBytes);
  const kernels: KernelReport['kernels'] = cases.map(({ name, what, bytes }) => ({
    name,
    what,
    bytes,
    ms: [],
  }));
  const speeds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    speeds.push((2 * copyBytes) / ((await stopwatch.time('copy', copy)) / 1000));
    for (const [i, { name, encode }] of cases.entries()) {
      kernels[i]!.ms.push(await stopwatch.time(name, encode));
    }
  }
  const report: KernelReport = {
    adapter: [info.vendor, info.architecture, info.description].filter(Boolean).join(' '),
    ...{ software, sizes, copy: speeds, clock: stopwatch.clock, kernels },
  };
  console.log(JSON.stringify(report));
  device.destroy();
  // Dawn's threads would keep the process alive.
  process.exit(0);
}

/** Times commands that are repeated until they take long enough. */
class Stopwatch {
  readonly #device: GPUDevice;
  readonly #clock: GpuClock | null;
  readonly #target: number;
  readonly #repeats = new Map<string, number>();

  constructor(device: GPUDevice, targetMs: number) {
    this.#device = device;
    this.#clock = GpuClock.of(device);
    this.#target = targetMs;
  }

  get clock(): KernelReport['clock'] {
    return this.#clock ? 'gpu' : 'fence';
  }

  /** @returns milliseconds of one. */
  async time(name: string, encode: (encoder: GPUCommandEncoder) => void): Promise<number> {
    let repeats = this.#repeats.get(name);
    if (!repeats) {
      // Compiles the shader as well.
      await this.#once(encode, 1);
      const one = median([
        await this.#once(encode, 1),
        await this.#once(encode, 1),
        await this.#once(encode, 1),
      ]);
      repeats = Math.max(1, Math.min(1000, Math.round(this.#target / one)));
      this.#repeats.set(name, repeats);
    }
    return (await this.#once(encode, repeats)) / repeats;
  }

  async #once(encode: (encoder: GPUCommandEncoder) => void, repeats: number): Promise<number> {
    const work = (encoder: GPUCommandEncoder) => {
      for (let i = 0; i < repeats; i++) encode(encoder);
    };
    const byClock = await this.#clock?.time(work);
    if (byClock) return byClock;
    const encoder = this.#device.createCommandEncoder();
    work(encoder);
    const commands = encoder.finish();
    const began = performance.now();
    this.#device.queue.submit([commands]);
    await this.#device.queue.onSubmittedWorkDone();
    return performance.now() - began;
  }
}

function copier(device: GPUDevice, size: number): (encoder: GPUCommandEncoder) => void {
  const usage = BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
  const [from, to] = [device.createBuffer({ size, usage }), device.createBuffer({ size, usage })];
  return (encoder) => encoder.copyBufferToBuffer(from, 0, to, 0, size);
}

/**
 * Without a GPU, Vulkan gets the software driver that comes with Chromium: drivers for cards that are not here come with
 * many packages, and Mesa's software one lacks what Dawn wants.
 */
async function takeSoftwareVulkan(): Promise<void> {
  if (hasGpu()) return;
  Object.assign(process.env, softwareVulkan(findBrowser(await fetchedBrowser())));
}

await main();
