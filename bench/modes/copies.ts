import { join } from 'node:path';
import type { BenchContext } from '../context.ts';
import { runEngine } from '../measure/engine-run.ts';
import { BENCH_PAGE, type Ladder } from '../measure/ladder.ts';
import type { Measure } from '../reporting/report.ts';
import type { Mode } from './mode.ts';

/** A list of 300 boxes, the percentiles of depth, and onnxruntime's odds and ends. */
const MOST_BACK_KIB = 12;

/** What crosses between processor and GPU when nothing is encoded, and whether the browser copies what it imports. */
export async function copiesMeasures(
  context: BenchContext,
  mode: Mode,
  ladder: Ladder,
  clip: string,
): Promise<Measure[]> {
  if (context.backend !== 'webgpu') return [];
  context.say('bytes that cross');
  const events = join(context.folder, `${mode.id}-crossed.ndjson`);
  const { summary } = await runEngine([
    ...[clip, ...mode.args, '--backend', 'webgpu', '--events', events],
    ...['--end', context.quick ? '1' : '3'],
  ]);
  const { toGpu, toCpu } = summary.crossed!;
  const kib = (id: string, what: string, bytes: number): Measure => ({
    ...{ id, what, unit: 'KiB', values: [bytes / 1024], better: 'lower' },
  });
  return [
    kib('crossed.events.to-gpu', 'without an output video: written to the GPU, a frame', toGpu),
    {
      ...kib('crossed.events.to-cpu', 'without an output video: read back from the GPU, a frame', toCpu),
      asked: { atMost: MOST_BACK_KIB },
    },
    await zeroCopy(context, ladder),
  ];
}

interface TraceEvent {
  name: string;
  args?: { zero_copy?: boolean };
}

/** The browser's own word: Chromium copies a frame that no hardware decoder made, without telling the page. */
async function zeroCopy({ backend, codec, bitrate }: BenchContext, ladder: Ladder): Promise<Measure> {
  const request = { rung: 'import', backend, codec, bitrate, detect: null, depth: null } as const;
  const bytes = await ladder.withPage(BENCH_PAGE, async (page) => {
    await page.tracing.start({ categories: ['disabled-by-default-webgpu'] });
    await ladder.measureIn(page, { ...request, seconds: 0.3, warmUp: 0.1 });
    return page.tracing.stop();
  });
  const { traceEvents } = JSON.parse(new TextDecoder().decode(bytes)) as { traceEvents: TraceEvent[] };
  const imports = traceEvents.filter(({ name }) => name === 'CreateExternalTexture');
  const free = imports.filter(({ args }) => args?.zero_copy).length;
  return {
    ...{ id: 'import.zero-copy', what: 'imports that copied nothing', unit: '%', better: 'higher' },
    values: imports.length > 0 ? [(100 * free) / imports.length] : [],
    note: `${imports.length} imports in the browser's trace`,
  };
}
