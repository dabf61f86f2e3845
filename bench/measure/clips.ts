import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inspectFile } from '../../headless-runner/inspect/inspect-file.ts';
import { runChild } from './child.ts';
import { command } from './engine-run.ts';

/** Test data that lies beside a checkout of the project, where it does. */
export const TESTDATA = process.env.EDGE_RUNNER_TESTDATA ?? join(process.cwd(), '../shared/testdata');

/** Frames of the clip that everything is measured on: sixteen seconds. */
export const CLIP_FRAMES = 480;

/** Runs ffmpeg quietly. @throws with its own words when it fails. */
export async function ffmpeg(args: string[]): Promise<void> {
  const { status, stderr } = await runChild('ffmpeg', ['-v', 'error', '-y', ...args]);
  if (status !== 0) throw new Error(`ffmpeg failed: ${stderr.trim()}`);
}

/** Whether ffmpeg is here: without it clips are streets of our own, and there is nobody to compare pictures. */
export const hasFfmpeg = (): boolean => spawnSync('ffmpeg', ['-version']).status === 0;

const PAN = join(TESTDATA, 'media/coco_pan_960x540_h264.mp4');

/** What {@link makeClip} shows: figures of one hold for no other. */
export const clipOrigin = (): string => (!hasFfmpeg() ? 'street' : existsSync(PAN) ? 'pan' : 'noise');

/** An H.264 clip at 30 frames a second: a photographic pan where the test data is, a noisy pattern elsewhere. */
export async function makeClip(
  folder: string,
  width: number,
  height: number,
  frames: number,
): Promise<string> {
  const path = join(folder, `clip-${width}x${height}-${frames}.mp4`);
  if (existsSync(path)) return path;
  const origin = clipOrigin();
  if (origin === 'street') {
    const length = ['--seconds', `${frames / 30}`, '--fps', '30'];
    await command(['street', '--seed', '300', '--size', `${width}x${height}`, ...length, '-o', path]);
    return path;
  }
  const input =
    origin === 'pan'
      ? ['-stream_loop', '-1', '-i', PAN, '-vf', `scale=${width}:${height}:flags=lanczos,setpts=N/30/TB`]
      : ['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=30,noise=alls=6:allf=t`];
  const bitrate = Math.round((4e6 * width * height) / (1280 * 720));
  const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-b:v', `${bitrate}`, '-pix_fmt', 'yuv420p'];
  await ffmpeg([...input, '-frames:v', `${frames}`, '-r', '30', ...encoder, '-an', path]);
  return path;
}

/** PSNR and SSIM of a video against another of the same size, by ffmpeg's filters, over their first frames. */
export async function quality(
  of: string,
  against: string,
  frames: number,
): Promise<{ psnr: number; ssim: number }> {
  const first = (input: number, name: string) =>
    `[${input}:v]trim=end_frame=${frames},settb=1/1000,setpts=N,split[${name}1][${name}2]`;
  const graph = `${first(0, 'a')};${first(1, 'b')};[a1][b1]psnr;[a2][b2]ssim`;
  const inputs = ['-i', of, '-i', against];
  const { stderr } = await runChild('ffmpeg', [
    '-hide_banner',
    ...inputs,
    '-lavfi',
    graph,
    '-f',
    'null',
    '-',
  ]);
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
