import type { Page } from 'puppeteer-core';
import type { JobDetail, JobView, NodeView } from '../../protocol/index.ts';
import { patternJob } from '../../server/testing-node.ts';
import { SimulatedFarm } from '../../tests/support/farm.ts';
import type { Section } from '../reporting/report.ts';
import { median } from '../reporting/statistics.ts';
import { contribute, withPages } from './with-pages.ts';

const NODES = 500;
const JOBS = 5_000;
/** Milliseconds between two looks at a page's memory. */
const LOOK_MS = 5_000;
/** Points of a plot. */
const POINTS = 300;

/** The dashboard of a large farm that works: its memory, and whether it ever holds the browser up. */
export const soakDashboard = (folder: string, seconds: number): Promise<Section> =>
  withPages(folder, 'dashboard', async (server, browser) => {
    const farm = new SimulatedFarm(server);
    try {
      await farm.join(NODES);
      for (let left = JOBS; left > 0; left -= 50)
        await Promise.all(Array.from({ length: 50 }, () => farm.submit(patternJob())));
      // So slowly that there is something under way to the end.
      farm.work(1, 300 * Math.ceil((seconds * NODES) / JOBS));
      const page = await browser.newPage();
      await page.setViewport({ width: 1280, height: 900 });
      await page.evaluateOnNewDocument(() => {
        const long: number[] = [];
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) long.push(Math.round(duration));
        }).observe({ type: 'longtask', buffered: true });
        Object.assign(window, { long });
      });
      await page.goto(`${server.url}/dashboard/#login=${server.loginCode}`);
      await page.waitForSelector('.map li');
      const first = await firstPicture(page, server.url);
      const samples = await watchHeap(page, seconds);
      const long = (await page.evaluate('window.long')) as number[];
      return dashboardSection(first, samples, long);
    } finally {
      await farm.stop();
    }
  });

/** Seconds from a request for the page until the farm is on it, as somebody comes back to it. */
async function firstPicture(page: Page, url: string): Promise<number> {
  await page.goto('about:blank');
  const began = performance.now();
  await page.goto(`${url}/dashboard/`, { waitUntil: 'domcontentloaded' });
  await page.waitForSelector('.map li');
  await page.waitForSelector('tbody tr');
  return (performance.now() - began) / 1000;
}

async function watchHeap(page: Page, seconds: number): Promise<{ seconds: number; mib: number }[]> {
  const cdp = await page.createCDPSession();
  const samples: { seconds: number; mib: number }[] = [];
  const began = performance.now();
  for (let now = 0; now < seconds; now = (performance.now() - began) / 1000) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize } = await cdp.send('Runtime.getHeapUsage');
    samples.push({ seconds: now, mib: usedSize / 2 ** 20 });
  }
  return samples;
}

function dashboardSection(
  first: number,
  samples: { seconds: number; mib: number }[],
  long: readonly number[],
): Section {
  // A short run has fewer looks than ten.
  const tenths = Array.from({ length: 10 }, (_, i) =>
    samples.slice(Math.floor((i * samples.length) / 10), Math.floor(((i + 1) * samples.length) / 10)),
  )
    .filter((part) => part.length > 0)
    .map((part) => median(part.map(({ mib }) => mib)));
  const start = tenths[1] ?? tenths[0]!;
  const later = tenths.slice(2);
  const drift = Math.max(0, ...later.map((mib) => Math.abs(mib / start - 1)));
  const every = Math.max(1, Math.floor(samples.length / POINTS));
  const shown = samples.filter((_, i) => i % every === 0);
  return {
    id: 'dashboard',
    title: `dashboard of ${NODES} nodes and ${JOBS} jobs, for ${(samples.at(-1)!.seconds / 60).toFixed(1)} minutes`,
    text: [
      `Memory of the page after collecting garbage, by tenths: ${tenths.map((mib) => mib.toFixed(1)).join(' ')} MiB. Tasks of more than 50 ms: ${long.length === 0 ? 'none' : long.join(' ')}.`,
    ],
    measures: [
      {
        ...{ id: 'first', what: 'first useful picture', unit: 's', better: 'lower' },
        ...{ values: [first], asked: { atMost: 1.5 } },
      },
      {
        ...{ id: 'long', what: 'longest task of the page', unit: 'ms', better: 'lower' },
        ...{ values: [Math.max(0, ...long)], asked: { atMost: 100 } },
      },
      {
        ...{
          id: 'drift',
          what: 'memory: largest difference from the second tenth',
          unit: '%',
          better: 'lower',
        },
        ...{ values: [drift * 100], asked: { atMost: 10 } },
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Over the run',
        x: { name: 'minutes', values: shown.map((sample) => sample.seconds / 60) },
        series: [{ name: 'memory', unit: 'MiB', values: shown.map(({ mib }) => mib) }],
      },
    ],
  };
}

/** A contribute tab behind another one: whether its work and its heartbeat go on for so long. */
export const soakHiddenTab = (folder: string, seconds: number): Promise<Section> =>
  withPages(folder, 'hidden-tab', async (server, browser) => {
    const page = await contribute(server, browser);
    await (await browser.newPage()).bringToFront();
    if ((await page.evaluate(() => document.visibilityState)) !== 'hidden')
      throw new Error('the tab is not hidden');
    const node = async () => (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes[0]!;
    const began = performance.now();
    const samples: { seconds: number; frames: number }[] = [];
    let away = 0;
    let frames = 0;
    let lost = 0;
    while (performance.now() - began < seconds * 1000) {
      const spec = patternJob();
      const source = { ...spec.sources[0]!, width: 320, height: 180, fps: 15, frames: 900, realtime: true };
      const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
        body: { spec: { ...spec, sources: [source] } },
      });
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        const { body: job } = await server.ask<JobDetail>('GET', `/v1/jobs/${body.id}`);
        if (!(await node()).connected) away++;
        samples.push({ seconds: (performance.now() - began) / 1000, frames: frames + job.frames });
        if (job.state === 'queued' || job.state === 'running') continue;
        frames += job.frames;
        lost += job.taskList[0]!.attempts.filter(({ state }) => state !== 'done').length;
        break;
      }
    }
    const steps = samples.slice(1).map((sample, i) => (sample.frames > samples[i]!.frames ? 0 : 1));
    const { length: most } = steps
      .join('')
      .split('0')
      .reduce((longest, run) => (run.length > longest.length ? run : longest), '');
    const every = Math.max(1, Math.floor(samples.length / POINTS));
    const shown = samples.filter((_, i) => i % every === 0);
    return {
      id: 'hidden-tab',
      title: `a contribute tab behind another one, for ${(samples.at(-1)!.seconds / 60).toFixed(1)} minutes`,
      text: [`${frames} frames, at the pace of the clips.`],
      measures: [
        {
          ...{ id: 'lost', what: 'attempts that did not end well', unit: '', better: 'lower' },
          ...{ values: [lost], asked: { atMost: 0 } },
        },
        {
          ...{ id: 'away', what: 'looks at which it was not connected', unit: '', better: 'lower' },
          ...{ values: [away], asked: { atMost: 0 } },
        },
        {
          ...{ id: 'still', what: 'longest time without a frame', unit: 's', better: 'lower' },
          ...{ values: [most * 2], asked: { atMost: 10 } },
        },
      ],
      charts: [
        {
          kind: 'lines',
          title: 'Over the run',
          x: { name: 'minutes', values: shown.map((sample) => sample.seconds / 60) },
          series: [{ name: 'frames', unit: '', values: shown.map((sample) => sample.frames) }],
        },
      ],
    };
  });
