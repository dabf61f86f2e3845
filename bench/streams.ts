import { findEntry } from '../models/registry.ts';
import type { StreamOutcome } from '../web/pages/bench/streams/request.ts';
import type { BenchContext } from './context.ts';
import { CLIP_FRAMES, makeClip } from './measure/clips.ts';
import { BENCH_PAGE, Ladder } from './measure/ladder.ts';
import type { Measure, Section } from './reporting/report.ts';
import { median, sum } from './reporting/statistics.ts';

/**
 * How many cameras one node carries (after localcv's latency over the number of devices): streams at 30 frames a
 * second, each decoded, detected and estimated on its own; what finds no time is dropped, so latency stays honest.
 */
export async function benchStreams(context: BenchContext): Promise<Section> {
  const { folder, backend, width, height, quick, camera: detect, depth, streams, say } = context;
  if (!detect) throw new Error('no detection model is here');
  const seconds = quick ? 2 : 5;
  const models = [detect, depth].filter((model) => model !== null);
  const rows: Figures[] = [];
  const names = models.map(({ descriptor }) => descriptor.name);
  const flop = sum(names.map((name) => findEntry(name)?.gflop ?? Number.NaN));
  for (const count of streams) {
    say(`${count} ${count === 1 ? 'stream' : 'streams'} at ${FPS} fps`);
    const length = leadOf(count) + seconds;
    const clip = await makeClip(folder, width, height, Math.max(CLIP_FRAMES, Math.ceil(length * FPS)));
    // A fresh browser each time: nothing of the last number of streams is left in it.
    const ladder = await Ladder.open({ clip, models, backend });
    try {
      const request = {
        token: ladder.server.token,
        backend,
        seconds: length,
        detect: detect.descriptor.name,
        depth: depth?.descriptor.name ?? null,
      };
      const outcomes = await ladder.withPage(BENCH_PAGE, (page) =>
        page.evaluate((many, asked) => window.edgeRunnerStreams(many, asked), count, request),
      );
      rows.push(figuresOf(outcomes, length - seconds, length, flop));
    } finally {
      await ladder.close();
    }
    if (rows.at(-1)!.dropped > TOO_MANY) break;
  }
  const left = streams.slice(rows.length);
  return {
    id: 'streams',
    title: `Streams of ${width}×${height} at ${FPS} fps on one node: ${names.join(' + ')}`,
    text: [
      `Latency is from when a frame is due to when its events are handed on, over the last ${seconds} s of each stream, when all run. After a number of streams that drops more than ${100 * TOO_MANY} % no larger one is tried. Frames that the stages have no time for until the next one is due are dropped.`,
      ...(left.length > 0 ? [`Left out: ${left.join(', ')} streams.`] : []),
    ],
    measures: rows.flatMap(measuresOf),
    charts: [
      {
        kind: 'lines',
        title: 'Latency, drops and work over the number of streams',
        x: { name: 'streams', values: rows.map(({ count }) => count) },
        series: [
          { name: 'latency p50', unit: 'ms', values: rows.map(({ p50 }) => shownOf(p50)) },
          { name: 'latency p95', unit: 'ms', values: rows.map(({ p95 }) => shownOf(p95)) },
          { name: 'dropped', unit: '%', values: rows.map(({ dropped }) => dropped * 100) },
          { name: 'frames a second in all', unit: 'fps', values: rows.map(({ fps }) => fps) },
          ...(Number.isNaN(flop)
            ? []
            : [{ name: 'work a stream', unit: 'GFLOP/s', values: rows.map(({ gflops }) => gflops) }]),
        ],
      },
    ],
  };
}

const FPS = 30;

/** Share of dropped frames from which on figures say that it is too much, and not how much. */
const OVERLOADED = 0.2;

/** Share of dropped frames from which on more streams say nothing new. */
const TOO_MANY = 0.8;

/** Until all streams have loaded their models and the browser has compiled for them, seconds. */
const leadOf = (count: number) => 2 + 2 * count;

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

/** @param from, to the part of each stream that counts, seconds of the clip. */
function figuresOf(outcomes: StreamOutcome[], from: number, to: number, flop: number): Figures {
  const streams = outcomes.map(({ began, arrived }) =>
    arrived
      .filter(({ time }) => time >= from && time < to)
      .map(({ time, at }) => at - (began + time * 1000))
      .sort((a, b) => a - b),
  );
  const done = sum(streams.map(({ length }) => length));
  const seconds = to - from;
  const due = Math.round(seconds * FPS) * outcomes.length;
  // A stream of which nothing came has no latency.
  const some = streams.filter(({ length }) => length > 0);
  return {
    count: outcomes.length,
    p50: some.map((latencies) => latencies[Math.floor(0.5 * latencies.length)]!),
    p95: some.map((latencies) => latencies[Math.floor(0.95 * latencies.length)]!),
    dropped: 1 - Math.min(done, due) / due,
    fps: done / seconds,
    gflops: (flop * done) / seconds / outcomes.length,
  };
}

const shownOf = (values: number[]) => (values.length > 0 ? median(values) : null);

function measuresOf({ count, p50, p95, dropped, fps, gflops }: Figures): Measure[] {
  const streams = `${count} ${count === 1 ? 'stream' : 'streams'}`;
  const measure = (
    id: string,
    what: string,
    unit: string,
    value: number | null,
    better: Measure['better'],
    each: number[] = [],
  ): Measure => ({
    id: `${count}.${id}`,
    what: `${streams}: ${what}`,
    unit,
    values: value === null ? [] : [value],
    // Streams are no rounds: they share one node and differ by more than chance.
    ...(each.length > 1 && {
      note: `each: ${each.map((one) => one.toFixed(0)).join(', ')}`,
    }),
    // Of a node that cannot keep up it is chance which frames it gets done.
    better: dropped > OVERLOADED ? null : better,
  });
  return [
    measure('p50', 'latency p50, median of the streams', 'ms', shownOf(p50), 'lower', p50),
    measure('p95', 'latency p95, median of the streams', 'ms', shownOf(p95), 'lower', p95),
    measure('dropped', 'dropped', '%', dropped * 100, 'lower'),
    measure('fps', 'frames a second in all', 'fps', fps, 'higher'),
    ...(Number.isNaN(gflops) ? [] : [measure('gflops', 'a stream', 'GFLOP/s', gflops, 'higher')]),
  ];
}
