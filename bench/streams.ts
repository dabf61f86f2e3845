import { findEntry } from '../models/registry.ts';
import type { SummaryEvent } from '../protocol/index.ts';
import type { BenchContext } from './context.ts';
import { CLIP_FRAMES, makeClip } from './measure/clips.ts';
import { Ladder } from './measure/ladder.ts';
import type { Measure, Section } from './reporting/report.ts';
import { median, sum } from './reporting/statistics.ts';

/**
 * How many cameras one node carries (after localcv's latency over the number of devices): streams at 30 frames a
 * second, each decoded, detected and estimated on its own; what finds no time is dropped, so latency stays honest.
 */
export async function benchStreams(context: BenchContext): Promise<Section> {
  const { folder, backend, width, height, quick, detect, depth, streams, say } = context;
  if (!detect) throw new Error('no detection model is here');
  const seconds = quick ? 2 : 6;
  const clip = await makeClip(folder, width, height, CLIP_FRAMES);
  const models = [detect, depth].filter((model) => model !== null);
  const rows: { count: number; summaries: SummaryEvent[] }[] = [];
  for (const count of streams) {
    say(`${count} ${count === 1 ? 'stream' : 'streams'} at 30 fps`);
    // A fresh browser each time: nothing of the last number of streams is left in it.
    const ladder = await Ladder.open({ clip, models, backend });
    try {
      const request = {
        token: ladder.server.token,
        backend,
        seconds,
        detect: detect.descriptor.name,
        depth: depth?.descriptor.name ?? null,
      };
      const summaries = await ladder.page.evaluate(
        (many, asked) => window.edgeRunnerStreams(many, asked),
        count,
        request,
      );
      rows.push({ count, summaries });
    } finally {
      await ladder.close();
    }
  }
  const names = models.map(({ descriptor }) => descriptor.name);
  const flop = sum(names.map((name) => findEntry(name)?.gflop ?? Number.NaN));
  const figures = rows.map(({ count, summaries }) => figuresOf(count, summaries, seconds, flop));
  return {
    id: 'streams',
    title: `Streams of ${width}×${height} at 30 fps on one node: ${names.join(' + ')}`,
    text: [
      'Latency is from when a frame is due to when its events are handed on. Frames that the stages have no time for until the next one is due are dropped.',
    ],
    measures: figures.flatMap(measuresOf),
    charts: [
      {
        kind: 'lines',
        title: 'Latency, drops and work over the number of streams',
        x: { name: 'streams', values: figures.map(({ count }) => count) },
        series: [
          { name: 'latency p50', unit: 'ms', values: figures.map(({ p50 }) => median(p50)) },
          { name: 'latency p95', unit: 'ms', values: figures.map(({ p95 }) => median(p95)) },
          { name: 'dropped', unit: '%', values: figures.map(({ dropped }) => dropped * 100) },
          { name: 'frames a second in all', unit: 'fps', values: figures.map(({ fps }) => fps) },
        ],
      },
    ],
  };
}

interface Figures {
  count: number;
  /** One value a stream. */
  p50: number[];
  p95: number[];
  /** Share of all frames. */
  dropped: number;
  fps: number;
  gflops: number;
}

function figuresOf(count: number, summaries: SummaryEvent[], seconds: number, flop: number): Figures {
  const live = summaries.map((summary) => summary.live!);
  const done = sum(summaries.map(({ frames }) => frames));
  const lost = sum(live.map(({ dropped }) => dropped));
  return {
    count,
    p50: live.map(({ latency }) => latency.p50),
    p95: live.map(({ latency }) => latency.p95),
    dropped: lost / Math.max(1, done + lost),
    fps: done / seconds,
    gflops: (flop * done) / seconds / count,
  };
}

function measuresOf({ count, p50, p95, dropped, fps, gflops }: Figures): Measure[] {
  const streams = `${count} ${count === 1 ? 'stream' : 'streams'}`;
  const measure = (
    id: string,
    what: string,
    unit: string,
    values: number[],
    better: Measure['better'],
  ): Measure => ({ id: `${count}.${id}`, what: `${streams}: ${what}`, unit, values, better });
  return [
    measure('p50', 'latency p50, each stream', 'ms', p50, 'lower'),
    measure('p95', 'latency p95, each stream', 'ms', p95, 'lower'),
    measure('dropped', 'dropped', '%', [dropped * 100], 'lower'),
    measure('fps', 'frames a second in all', 'fps', [fps], 'higher'),
    ...(Number.isNaN(gflops) ? [] : [measure('gflops', 'a stream', 'GFLOP/s', [gflops], 'higher')]),
  ];
}
