import type { ResolvedModel } from '../../models/store/index.ts';
import type { BackendName, Codec } from '../../protocol/index.ts';
import type { Rung } from '../../web/pages/bench/rungs/request.ts';
import type { BenchContext, Turns } from '../context.ts';
import { CORES } from '../machine.ts';
import { type EngineRun, runEngine } from '../measure/engine-run.ts';
import type { Ladder, RungFigures } from '../measure/ladder.ts';
import type { Chart, Measure } from '../reporting/report.ts';
import { median, sum } from '../reporting/statistics.ts';

/** A use of the engine: which stages a frame goes through. */
export interface Mode {
  id: string;
  title: string;
  rungs: Rung[];
  /** Options of `run` besides input and output. */
  args: string[];
  detect: ResolvedModel | null;
  depth: ResolvedModel | null;
}

/** What of a ladder the GPU carries, one frame after another. */
const ON_GPU: Rung[] = ['import', 'letterbox', 'infer', 'infer-depth', 'postprocess', 'draw', 'frame-out'];

/** Every rung of a mode alone, among the works of a turn. */
export function addRungs(
  turns: Turns,
  { seconds, warmUp, modelWarmUp, backend, codec, bitrate }: BenchContext,
  { rungs, detect, depth }: Mode,
  ladder: Ladder,
): Map<Rung, RungFigures[]> {
  const models = { detect: detect?.descriptor.name ?? null, depth: depth?.descriptor.name ?? null };
  const request = { backend, codec, bitrate, ...models };
  const short = { ...request, seconds, warmUp };
  const long = { ...request, seconds: 2 * seconds, warmUp: modelWarmUp };
  return new Map(
    rungs.map((rung) => [
      rung,
      turns.add(rung, () =>
        ladder.measure({ rung, ...(rung === 'infer' || rung === 'infer-depth' ? long : short) }),
      ),
    ]),
  );
}

/** What the machine allows, by the figures of one round. */
export function boundOf(rungs: Map<Rung, RungFigures[]>, round: number, backend: BackendName) {
  const each = [...rungs].map(([rung, figures]) => ({ rung, ...figures[round]! }));
  const slowest = each.reduce((least, other) => (other.fps < least.fps ? other : least));
  const byCores = CORES / sum(each.map(({ cpuPerFrame }) => cpuPerFrame));
  const onGpu = each.filter(({ rung }) => ON_GPU.includes(rung)).map(({ fps }) => 1 / fps);
  const byGpu = backend === 'webgpu' && onGpu.length > 0 ? 1 / sum(onGpu) : Number.POSITIVE_INFINITY;
  const bound = Math.min(slowest.fps, byCores, byGpu);
  const by = bound === byCores ? 'the cores' : bound === byGpu ? 'the GPU' : `${slowest.rung} alone`;
  return { byCores, byGpu, bound, by };
}

/** More than measuring scatters by. */
const BEYOND_BOUND = 1.3;

/** Nothing is asked of the one short round of a quick run: it is mostly start. */
function aboutEfficiency(
  quick: boolean,
  rungs: Map<Rung, RungFigures[]>,
  runs: EngineRun[],
  efficiency: number,
): Pick<Measure, 'asked' | 'note'> {
  const where = whereItWent(rungs, runs);
  const atLeast = 0.9;
  // No whole is faster than its parts allow: then the parts were disturbed, or do more alone than within it.
  if (efficiency > BEYOND_BOUND)
    return {
      note: `asked ≥ ${atLeast}, but too good: the bound is wrong here, so this says nothing; ${where}`,
    };
  return { note: where, ...(!quick && { asked: { atLeast } }) };
}

/** What keeps the whole from what the machine allows: cores that wait, or rungs that cost more beside each other than alone. */
function whereItWent(rungs: Map<Rung, RungFigures[]>, runs: EngineRun[]): string {
  const alone = sum(
    [...rungs.values()].map((figures) => median(figures.map(({ cpuPerFrame }) => cpuPerFrame))),
  );
  const together = median(runs.map(({ cpuPerFrame }) => cpuPerFrame));
  const busy = (together * median(runs.map(({ steadyFps }) => steadyFps))) / CORES;
  return `cores ${(100 * busy).toFixed(0)} % busy, a frame's rungs cost ${(together / alone).toFixed(2)} × what they cost alone`;
}

/** The command as a user gives it. @param frames of the clip; all when absent. */
export function wholeRun(
  { backend, codec, bitrate }: BenchContext,
  mode: Mode,
  clip: string,
  output: string,
  seconds?: number,
): Promise<EngineRun> {
  return runEngine([
    clip,
    ...mode.args,
    ...['-o', output, '--backend', backend, '--codec', codec, '--bitrate', `${bitrate}`],
    ...(seconds ? ['--end', `${seconds}`] : []),
  ]);
}

/**
 * The whole beside what the machine allows, round by round: the lower of the slowest rung alone, and cores ÷ the
 * processor time of all rungs for one frame; on a GPU also one frame after another through all that it carries.
 */
export function ladderMeasures(
  { backend, quick }: BenchContext,
  rungs: Map<Rung, RungFigures[]>,
  runs: EngineRun[],
): { measures: Measure[]; chart: Chart } {
  const rounds = runs.map((run, i) => ({ run, ...boundOf(rungs, i, backend) }));
  const measures: Measure[] = [...rungs].map(([rung, figures]) => ({
    id: `rung.${rung}`,
    what: `${rung} alone`,
    unit: 'fps',
    values: figures.map(({ fps }) => fps),
    better: 'higher',
    note: [
      `${mean(figures.map(({ cpuPerFrame }) => cpuPerFrame * 1000))} ms of processor a frame`,
      ...(figures[0]?.gpuMs != null ? [`${mean(figures.map(({ gpuMs }) => gpuMs ?? 0))} ms on the GPU`] : []),
    ].join(', '),
  }));
  const fps = (id: string, what: string, values: number[], note?: string): Measure => ({
    id,
    what,
    unit: 'fps',
    values,
    better: 'higher',
    ...(note && { note }),
  });
  measures.push(
    fps(
      'bound.cores',
      'cores ÷ processor time of all rungs',
      rounds.map(({ byCores }) => byCores),
    ),
    ...(backend === 'webgpu'
      ? [
          fps(
            'bound.gpu',
            'one frame after another on the GPU',
            rounds.map(({ byGpu }) => byGpu),
          ),
        ]
      : []),
    fps(
      'bound',
      'what the machine allows',
      rounds.map(({ bound }) => bound),
      `by round: ${rounds.map(({ by }) => by).join(', ')}`,
    ),
    fps(
      'whole',
      'the whole, steady state',
      runs.map(({ steadyFps }) => steadyFps),
      `${mean(runs.map(({ cpuPerFrame }) => cpuPerFrame * 1000))} ms of processor a frame`,
    ),
    {
      id: 'efficiency',
      what: 'efficiency: the whole ÷ what the machine allows',
      unit: '×',
      values: rounds.map(({ run, bound }) => run.steadyFps / bound),
      better: 'higher',
      ...aboutEfficiency(quick, rungs, runs, median(rounds.map(({ run, bound }) => run.steadyFps / bound))),
    },
    {
      id: 'first-frame',
      what: 'first frame out, from the start of the command',
      unit: 's',
      values: runs.map(({ firstFrameSeconds }) => firstFrameSeconds),
      better: 'lower',
    },
    ...crossedMeasures(runs),
  );
  const chart: Chart = {
    kind: 'bars',
    title: 'Milliseconds a frame: each rung alone, and the whole',
    unit: 'ms',
    bars: [
      ...[...rungs].map(([name, figures]) => ({
        name,
        ours: false,
        values: figures.map(({ fps }) => 1000 / fps),
      })),
      { name: 'the whole', ours: true, values: runs.map(({ steadyFps }) => 1000 / steadyFps) },
    ],
  };
  return { measures, chart };
}

/** What the pipeline itself counted on a GPU. */
function crossedMeasures(runs: EngineRun[]): Measure[] {
  const crossed = runs.flatMap(({ summary }) => summary.crossed ?? []);
  if (crossed.length === 0) return [];
  const kib = (id: string, what: string, bytes: number[]): Measure => ({
    id,
    what,
    unit: 'KiB',
    values: bytes.map((one) => one / 1024),
    better: 'lower',
  });
  return [
    kib(
      'crossed.to-gpu',
      'written to the GPU, a frame',
      crossed.map(({ toGpu }) => toGpu),
    ),
    kib(
      'crossed.to-cpu',
      'read back from the GPU, a frame',
      crossed.map(({ toCpu }) => toCpu),
    ),
  ];
}

const mean = (values: number[]) => (sum(values) / Math.max(1, values.length)).toFixed(2);

/** VP8 is what an MP4 cannot hold. */
export const extensionOf = (codec: Codec): string => (codec === 'vp8' ? 'webm' : 'mp4');

/** Said where peers are left out. */
export const peersNeedH264 = (codec: Codec): string[] =>
  codec === 'h264'
    ? []
    : [`What people use instead is told to write H.264, so nobody stands beside ${codec} here.`];
