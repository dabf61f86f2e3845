import { ProcessTree } from '../measure/process-tree.ts';
import type { Section } from '../reporting/report.ts';
import { median } from '../reporting/statistics.ts';
import { LIVE_PAGES, type LivePageName, withLivePage } from './live-page.ts';
import type { StampReading } from './stamps.ts';

/** Seconds until a browser that has just begun has all that it will need: compiled code, pools, caches. */
const WARM_UP = 20;
/** Milliseconds between two looks. */
const LOOK_MS = 1_000;
/** Points of a plot. */
const POINTS = 300;

export interface WatchedPage {
  /** Seconds since the warm-up, frames open, MiB of the browser's processes together. */
  samples: { seconds: number; open: number; mib: number }[];
  reading: StampReading;
  faults: string[];
}

/** Lets a live page run for so long. */
export const watchLive = (name: LivePageName, seconds: number): Promise<WatchedPage> =>
  withLivePage(name, async ({ pid, faults, read, figure }) => {
    await wait(WARM_UP * 1000);
    const tree = new ProcessTree(pid);
    const samples: WatchedPage['samples'] = [];
    const began = performance.now();
    for (let now = 0; now < seconds; now = (performance.now() - began) / 1000) {
      await wait(LOOK_MS);
      samples.push({ seconds: now, open: await figure('open frames'), mib: tree.samples.at(-1)!.memoryMiB });
    }
    tree.stop();
    return { samples, reading: await read(5), faults };
  });

/**
 * Largest difference of memory from the second tenth of a run, a share; in the first a browser still fills its pools.
 * Single samples move with garbage: tenths are compared.
 */
export function drift(samples: readonly { mib: number }[]): { drift: number; tenths: number[] } {
  const tenths = Array.from({ length: 10 }, (_, i) =>
    samples.slice(Math.floor((i * samples.length) / 10), Math.floor(((i + 1) * samples.length) / 10)),
  )
    .filter((part) => part.length > 0)
    .map((part) => median(part.map(({ mib }) => mib)));
  const [, first, ...later] = tenths as [number, number, ...number[]];
  return { drift: Math.max(0, ...later.map((mib) => Math.abs(mib / first - 1))), tenths };
}

/** A live page for so long: memory flat, frames open constant, nothing that nobody caught. */
export async function soakLive(name: LivePageName, seconds: number): Promise<Section> {
  const { samples, reading, faults } = await watchLive(name, seconds);
  const { width, height, fps } = LIVE_PAGES[name];
  const memory = drift(samples);
  const every = Math.max(1, Math.floor(samples.length / POINTS));
  const shown = samples.filter((_, i) => i % every === 0);
  return {
    id: `live-${name}`,
    title: `${name} page at ${width}×${height}, ${fps} fps, for ${(seconds / 60).toFixed(1)} minutes`,
    text: [
      `Memory of the browser by tenths of the run: ${memory.tenths.map((mib) => mib.toFixed(0)).join(' ')} MiB. Not caught: ${faults.length === 0 ? 'nothing' : faults.join('; ')}.`,
    ],
    measures: [
      {
        ...{
          id: 'drift',
          what: 'memory: largest difference from the second tenth',
          unit: '%',
          better: 'lower',
        },
        ...{ values: [memory.drift * 100], asked: { atMost: 5 } },
      },
      {
        ...{ id: 'open', what: 'most frames open at a time', unit: '', better: 'lower' },
        ...{ values: [Math.max(...samples.map(({ open }) => open))], asked: { atMost: 4 } },
      },
      {
        ...{ id: 'faults', what: 'errors that nobody caught', unit: '', better: 'lower' },
        ...{ values: [faults.length], asked: { atMost: 0 } },
      },
      { id: 'fps', what: 'shown at the end', unit: 'fps', better: 'higher', values: [reading.fps] },
      {
        ...{ id: 'latency', what: 'glass to glass at the end', unit: 'ms', better: 'lower' },
        values: [median(reading.latencies)],
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Over the run',
        x: { name: 'minutes', values: shown.map((sample) => sample.seconds / 60) },
        series: [
          { name: 'memory', unit: 'MiB', values: shown.map(({ mib }) => mib) },
          { name: 'frames open', unit: '', values: shown.map(({ open }) => open) },
        ],
      },
    ],
  };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
