import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { makeClip, quality } from './clips.ts';
import { type EngineRun, runEngine } from './engine-run.ts';
import { Ladder, type RungFigures } from './ladder.ts';
import type { BenchContext, Row } from './main.ts';
import { median } from './statistics.ts';

const BITRATE = 3_000_000;

/** `run` without stages beside bare WebCodecs in the same browser and beside ffmpeg at the same bitrate. */
export async function benchTranscode({ folder, quick }: BenchContext): Promise<Row[]> {
  const clip = makeClip(folder, quick ? 600 : 1800);
  const ours = join(folder, 'ours.mp4');
  const theirs = join(folder, 'theirs.mp4');
  const rounds = quick ? 2 : 8;
  const bare: RungFigures[] = [];
  const runs: EngineRun[] = [];
  const ffmpegSeconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(await bareRung(clip, quick ? 450 : 1500));
    runs.push(await runEngine([clip, '-o', ours, '--bitrate', `${BITRATE}`]));
    // Slow next to the others, and not what the ratio stands on.
    if (round < 3) ffmpegSeconds.push(timeFfmpeg(clip, theirs));
  }
  // Time over all rounds, taken in turn: the processor's speed drifts by a tenth within minutes, for both alike.
  const steady = pooled(runs.map(({ steadyFps }) => steadyFps));
  const wall = median(runs.map(({ wallSeconds }) => wallSeconds));
  const bareFps = pooled(bare.map(({ fps }) => fps));
  const ratio = steady / bareFps;
  const cpuMs = (figures: { cpuPerFrame: number }[]) =>
    (median(figures.map(({ cpuPerFrame }) => cpuPerFrame)) * 1000).toFixed(1);
  const beside = median(ffmpegSeconds) / wall;
  const [mine, x264] = [quality(ours, clip), quality(theirs, clip)];
  const firstFrame = median(runs.map(({ firstFrameSeconds }) => firstFrameSeconds));
  return [
    {
      what: 'bare WebCodecs decode + encode: fps, processor ms a frame',
      value: `${bareFps.toFixed(0)}, ${cpuMs(bare)}`,
    },
    { what: 'run, steady state: fps, processor ms a frame', value: `${steady.toFixed(0)}, ${cpuMs(runs)}` },
    {
      what: 'run ÷ bare, of each round',
      value: runs.map(({ steadyFps }, i) => (steadyFps / bare[i]!.fps).toFixed(2)).join(' '),
    },
    { what: 'run ÷ bare', value: ratio.toFixed(3), asked: '≥ 0.95', ok: ratio >= 0.95 },
    { what: 'run, whole process, seconds', value: wall.toFixed(2) },
    { what: 'ffmpeg libx264 veryfast, whole process, seconds', value: median(ffmpegSeconds).toFixed(2) },
    {
      what: 'speed of the whole process beside ffmpeg',
      value: `${beside.toFixed(2)} ×`,
      asked: '> 1',
      ok: beside > 1,
    },
    { what: 'run: PSNR dB, SSIM', value: `${mine.psnr.toFixed(2)}, ${mine.ssim.toFixed(4)}` },
    { what: 'ffmpeg veryfast: PSNR dB, SSIM', value: `${x264.psnr.toFixed(2)}, ${x264.ssim.toFixed(4)}` },
    {
      what: 'first frame out after, seconds',
      value: firstFrame.toFixed(2),
      asked: '≤ 4',
      ok: firstFrame <= 4,
    },
  ];
}

/** Frames a second over all rounds together. */
const pooled = (fps: number[]) => fps.length / fps.reduce((seconds, one) => seconds + 1 / one, 0);

async function bareRung(clip: string, frames: number): Promise<RungFigures> {
  const ladder = await Ladder.open(clip, null);
  try {
    return await ladder.measure({ rung: 'bare', frames, warmUp: 100, bitrate: BITRATE, model: null });
  } finally {
    await ladder.close();
  }
}

function timeFfmpeg(clip: string, out: string): number {
  const began = performance.now();
  execFileSync(
    'ffmpeg',
    ['-v', 'error', '-y', '-i', clip, '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', `${BITRATE}`, out],
    { stdio: 'inherit' },
  );
  return (performance.now() - began) / 1000;
}
