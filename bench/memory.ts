import { join } from 'node:path';
import { makeClip } from './clips.ts';
import { runEngine } from './engine-run.ts';
import type { BenchContext, Row } from './main.ts';
import { median } from './statistics.ts';

/** Memory of the command and its browser over a long run, after the first tenth of the frames. */
export async function benchMemory({ folder, quick }: BenchContext): Promise<Row[]> {
  const frames = quick ? 2000 : 10_000;
  const clip = makeClip(folder, frames);
  const { memory, summary } = await runEngine([clip, '-o', join(folder, 'long.mp4'), '--bitrate', '3M']);
  // A collection of garbage moves single samples: tenths of the run are compared, each by its median.
  const parts = Array.from({ length: 9 }, (_, i) =>
    median(
      memory.samples.filter(({ frame }) => Math.floor((frame * 10) / frames) === i + 1).map(({ mib }) => mib),
    ),
  ).filter((mib) => !Number.isNaN(mib));
  const spread = Math.max(...parts.map((mib) => Math.abs(mib / parts[0]! - 1)));
  return [
    {
      what: `memory by tenths of ${frames} frames, MiB`,
      value: parts.map((mib) => mib.toFixed(0)).join(' '),
    },
    {
      what: 'largest difference from the first of them',
      value: `${(spread * 100).toFixed(1)} %`,
      asked: '≤ 10 %',
      ok: spread <= 0.1,
    },
    {
      what: 'open frames: peak, end',
      value: `${summary.openFrames.peak}, ${summary.openFrames.end}`,
      asked: '≤ 8, 0',
      ok: summary.openFrames.peak <= 8 && summary.openFrames.end === 0,
    },
  ];
}
