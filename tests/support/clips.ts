import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { ffmpeg } from './ffmpeg.ts';

export interface ClipOptions {
  seconds?: number;
  fps?: number;
  size?: string;
  /** Arguments between the inputs and the output: filters, codecs, flags. */
  args?: string[];
  audio?: boolean;
}

/** Encoder arguments of small test clips. */
export const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
/** Without reordering: presentation order is decode order. */
export const H264_PLAIN = [...H264, '-bf', '0'];
export const VP9 = [
  ...['-c:v', 'libvpx-vp9', '-cpu-used', '8', '-deadline', 'realtime', '-pix_fmt', 'yuv420p'],
  ...['-c:a', 'libopus'],
];

/** A moving test picture with a tone, of two seconds where nothing else is said. */
export function makeClip(path: string, options: ClipOptions = {}): string {
  const { seconds = 2, fps = 30, size = '320x180', args = H264, audio = true } = options;
  ffmpeg([
    // Not testsrc2: it makes odd sizes even without a word.
    ...['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=${fps}:duration=${seconds}`],
    ...(audio ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`] : ['-an']),
    ...args,
    path,
  ]);
  return path;
}

/** Without this the filter's own matrix is written. */
const UNTAGGED = ['-colorspace', 'unknown', '-color_primaries', 'unknown', '-color_trc', 'unknown'];

/** Solid colours side by side, converted to a matrix and tagged with it where nothing else is said. */
export function makeColors(
  path: string,
  colors: string[],
  matrix: 'bt709' | 'smpte170m',
  { tagged } = { tagged: true },
): string {
  const inputs = colors.flatMap((color) => [
    ...['-f', 'lavfi', '-i', `color=c=${color}:size=64x180:rate=10:duration=1,format=gbrp`],
  ]);
  ffmpeg([
    ...inputs,
    '-filter_complex',
    `${colors.map((_, i) => `[${i}:v]`).join('')}hstack=inputs=${colors.length},scale=out_color_matrix=${matrix}:out_range=tv,format=yuv420p`,
    ...['-c:v', 'libx264', '-qp', '4'],
    ...(tagged ? ['-colorspace', matrix, '-color_primaries', matrix, '-color_trc', matrix] : UNTAGGED),
    ...['-color_range', 'tv', path],
  ]);
  return path;
}

/** A copy whose first track header asks for a clockwise turn (ISO/IEC 14496-12, `tkhd` matrix). */
export function turned(
  path: string,
  to: string,
  degrees: 90 | 180 | 270,
  { width, height }: { width: number; height: number },
): string {
  copyFileSync(path, to);
  const bytes = readFileSync(to);
  const header = bytes.indexOf('tkhd');
  if (header < 0 || bytes[header + 4] !== 0) throw new Error(`${path} has no track header of version 0`);
  const one = 0x10000;
  const [a, b, c, d, x, y] = {
    90: [0, one, -one, 0, height, 0],
    180: [-one, 0, 0, -one, width, height],
    270: [0, -one, one, 0, 0, width],
  }[degrees] as [number, number, number, number, number, number];
  const matrix = [a, b, 0, c, d, 0, x * one, y * one, 0x40000000];
  for (const [i, value] of matrix.entries()) bytes.writeInt32BE(value, header + 44 + 4 * i);
  writeFileSync(to, bytes);
  return to;
}

/** The first part of a file, as a download that was cut leaves it. */
export function cut(path: string, to: string, share: number): string {
  const bytes = readFileSync(path);
  writeFileSync(to, bytes.subarray(0, Math.floor(bytes.byteLength * share)));
  return to;
}
