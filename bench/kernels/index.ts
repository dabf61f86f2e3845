import { join } from 'node:path';
import type { BenchContext } from '../context.ts';
import { runChild } from '../measure/child.ts';
import { hasPeer } from '../peers/index.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { median } from '../reporting/statistics.ts';
import { ROOT } from '../root.ts';
import type { KernelReport } from './main.ts';

/** Every WGSL kernel alone, on Dawn in a process of its own: a driver that crashes takes nothing else with it. */
export async function benchKernels({ say }: BenchContext): Promise<Section> {
  const title = 'WGSL kernels on Dawn';
  const leftOut = (why: string): Section => ({
    id: 'kernels',
    title,
    text: [`Left out: ${why}.`],
    measures: [],
    charts: [],
  });
  if (!hasPeer('webgpu')) return leftOut('the package webgpu is not here');
  say('every WGSL kernel');
  const script = join(ROOT, 'dist/node/bench-kernels.js');
  const { status, stdout, stderr } = await runChild(process.execPath, [script]);
  if (status !== 0)
    return leftOut(
      stderr
        .trim()
        .split('\n')
        .findLast((line) => /Error/.test(line))
        ?.replace(/^\w*Error: /, '') ?? 'Dawn failed',
    );
  const report = JSON.parse(stdout) as KernelReport;
  const bandwidth = median(report.copy);
  // A software adapter's share of the cores is no figure of a kernel.
  const [up, down] = report.software ? ([null, null] as const) : (['higher', 'lower'] as const);
  const gigabytes = (speeds: number[]) => speeds.map((speed) => speed / 1e9);
  return {
    id: 'kernels',
    title: `${title}: ${report.adapter}`,
    text: [
      report.software
        ? 'A software adapter: these figures say that every kernel runs, and nothing of a GPU.'
        : 'Share is of the speed at which this device copies from buffer to buffer, bytes read and bytes written both counted.',
      report.clock === 'gpu'
        ? "Times are the GPU's own."
        : 'The adapter has no timestamp queries: submits are timed.',
    ],
    measures: [
      {
        ...{ id: 'copy', what: 'copy from buffer to buffer', unit: 'GB/s', better: up },
        values: gigabytes(report.copy),
      },
      ...report.kernels.flatMap(({ name, what, bytes, ms }): Measure[] => {
        const speeds = ms.map((one) => bytes / (one / 1000));
        const shares = speeds.map((speed) => (100 * speed) / bandwidth);
        return [
          { ...{ id: name, what: `${name}: ${what}`, unit: 'ms', values: ms, better: down } },
          {
            ...{ id: `${name}.speed`, what: `${name}: bytes it must read and write`, unit: 'GB/s' },
            values: gigabytes(speeds),
            better: up,
          },
          {
            ...{ id: `${name}.share`, what: `${name}: share of the copy's speed`, unit: '%' },
            values: shares,
            better: up,
          },
        ];
      }),
    ],
    charts: [
      {
        ...{ kind: 'bars', title: 'Milliseconds', unit: 'ms' },
        bars: report.kernels.map(({ name, ms }) => ({ name, ours: true, values: ms })),
      },
    ],
  };
}
