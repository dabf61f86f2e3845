import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Test data that lies beside a checkout of the project, where it does. */
export const TESTDATA = process.env.EDGE_RUNNER_TESTDATA ?? join(process.cwd(), '../shared/testdata');

/** Runs ffmpeg quietly. */
export function ffmpeg(args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A 1280×720 H.264 clip at 30 frames a second: a photographic pan where the test data is, a noisy pattern elsewhere. */
export function makeClip(folder: string, frames: number): string {
  const path = join(folder, `clip-${frames}.mp4`);
  if (existsSync(path)) return path;
  const pan = join(TESTDATA, 'media/coco_pan_960x540_h264.mp4');
  const input = existsSync(pan)
    ? ['-stream_loop', '-1', '-i', pan, '-vf', 'scale=1280:720:flags=lanczos,setpts=N/30/TB']
    : ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30,noise=alls=6:allf=t'];
  ffmpeg([
    ...input,
    '-frames:v',
    `${frames}`,
    '-r',
    '30',
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-b:v',
    '4M',
    '-pix_fmt',
    'yuv420p',
    '-an',
    path,
  ]);
  return path;
}

/** PSNR and SSIM of a video against another of the same size and number of frames, by ffmpeg's filters. */
export function quality(of: string, against: string): { psnr: number; ssim: number } {
  const measure = (filter: string) =>
    execFileSync(
      'sh',
      [
        '-c',
        `ffmpeg -hide_banner -i "$1" -i "$2" -lavfi "[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]${filter}" -f null - 2>&1`,
        'sh',
        of,
        against,
      ],
      {
        encoding: 'utf8',
      },
    );
  return {
    psnr: Number(/average:([\d.]+)/.exec(measure('psnr'))?.[1]),
    ssim: Number(/All:([\d.]+)/.exec(measure('ssim'))?.[1]),
  };
}
