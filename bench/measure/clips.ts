import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inspectFile } from '../../headless-runner/inspect/inspect-file.ts';
import { command } from './engine-run.ts';

/** Test data that lies beside a checkout of the project, where it does. */
export const TESTDATA = process.env.EDGE_RUNNER_TESTDATA ?? join(process.cwd(), '../shared/testdata');

/** Frames of the clip that everything is measured on: sixteen seconds. */
export const CLIP_FRAMES = 480;

/** Runs ffmpeg quietly. */
export function ffmpeg(args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Whether ffmpeg is here: without it clips are streets of our own, and there is nobody to compare pictures. */
export const hasFfmpeg = (): boolean => spawnSync('ffmpeg', ['-version']).status === 0;

/** An H.264 clip at 30 frames a second: a photographic pan where the test data is, a noisy pattern elsewhere. */
export async function makeClip(
  folder: string,
  width: number,
  height: number,
  frames: number,
): Promise<string> {
  const path = join(folder, `clip-${width}x${height}-${frames}.mp4`);
  if (existsSync(path)) return path;
  if (!hasFfmpeg()) {
    const length = ['--seconds', `${frames / 30}`, '--fps', '30'];
    await command(['street', '--seed', '300', '--size', `${width}x${height}`, ...length, '-o', path]);
    return path;
  }
  const pan = join(TESTDATA, 'media/coco_pan_960x540_h264.mp4');
  const input = existsSync(pan)
    ? ['-stream_loop', '-1', '-i', pan, '-vf', `scale=${width}:${height}:flags=lanczos,setpts=N/30/TB`]
    : ['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=30,noise=alls=6:allf=t`];
  const bitrate = Math.round((4e6 * width * height) / (1280 * 720));
  const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-b:v', `${bitrate}`, '-pix_fmt', 'yuv420p'];
  ffmpeg([...input, '-frames:v', `${frames}`, '-r', '30', ...encoder, '-an', path]);
  return path;
}

/** PSNR and SSIM of a video against another of the same size, by ffmpeg's filters, over their first frames. */
export function quality(of: string, against: string, frames: number): { psnr: number; ssim: number } {
  const first = (input: number, name: string) =>
    `[${input}:v]trim=end_frame=${frames},settb=1/1000,setpts=N,split[${name}1][${name}2]`;
  const graph = `${first(0, 'a')};${first(1, 'b')};[a1][b1]psnr;[a2][b2]ssim`;
  const { stderr } = spawnSync(
    'ffmpeg',
    ['-hide_banner', '-i', of, '-i', against, '-lavfi', graph, '-f', 'null', '-'],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  return {
    psnr: Number(/PSNR.*average:([\d.]+)/.exec(stderr)?.[1]),
    ssim: Number(/SSIM.*All:([\d.]+)/.exec(stderr)?.[1]),
  };
}

/** Of a file's video, by its index and a reader that is not its writer. */
export async function videoTrack(path: string): Promise<{ frames: number; bitrate: number }> {
  const { tracks } = await inspectFile(path);
  const video = tracks.find(({ kind }) => kind === 'video');
  return { frames: video?.samples ?? 0, bitrate: video?.bitrate ?? 0 };
}
