import { expect } from 'vitest';
import { complaintsAbout, rawFrames } from './ffmpeg.ts';
import {
  audioStream,
  displayedSize,
  frames,
  packets,
  rotationOf,
  streams,
  tickOf,
  videoStream,
} from './ffprobe.ts';
import { readIsobmff, topLevelBoxes } from './isobmff.ts';

/** Container seconds at which a file starts: its earliest sample, but not what an edit list put before 0. */
export function originOf(path: string): number {
  const starts = streams(path).map(({ start_time }) => Number(start_time));
  return Math.max(0, Math.min(...starts));
}

/** Every frame that the source shows is shown by the output, at its own time to within half a tick. */
export function expectSameTimes(source: string, output: string): void {
  const origin = originOf(source);
  const wanted = frames(source).map(({ time }) => time - origin);
  const found = frames(output).map(({ time }) => time);
  expect(found.length, 'shown frames').toBe(wanted.length);
  const off = found.map((time, i) => Math.abs(time - wanted[i]!));
  expect(Math.max(...off), 'seconds between a frame and its source, at most').toBeLessThanOrEqual(
    tickOf(videoStream(output)) / 2 + slackOf(origin, wanted[0]!, output),
  );
  for (const [i, time] of found.entries())
    if (i > 0) expect(time, 'times rise').toBeGreaterThan(found[i - 1]!);
}

/** What is not the frame path's to keep. */
function slackOf(origin: number, first: number, output: string): number {
  // Origins are printed with microseconds; everything else is exact.
  const printed = origin === 0 ? 1e-9 : 0.5e-6;
  // A late start is written as an empty edit, whose unit is the movie's tick and not the track's (ISO/IEC 14496-12).
  const edit = first > 0 && output.endsWith('.mp4') ? 0.5 / readIsobmff(output).getInfo().timescale : 0;
  return printed + edit;
}

/** Opus' pre-skip: a container that says it (Matroska's CodecDelay) and one that does not differ by it. */
const OPUS_DELAY = 8e-3;

/** Audio packets are the source's own, byte for byte, at their own times. */
export function expectSameAudio(source: string, output: string): void {
  const origin = originOf(source);
  const wanted = packets(source, 'a:0');
  const found = packets(output, 'a:0');
  expect(found.map(({ md5 }) => md5)).toEqual(wanted.map(({ md5 }) => md5));
  const { codec_name: codec } = audioStream(source)!;
  expect(audioStream(output)!.codec_name).toBe(codec);
  const off = found.map(({ time }, i) => Math.abs(time - (wanted[i]!.time - origin)));
  expect(Math.max(...off), 'seconds between an audio packet and its source').toBeLessThanOrEqual(
    codec === 'opus' ? OPUS_DELAY : 1e-3,
  );
}

/** Players decode it without a complaint, can seek in it, and need no second look at its end to begin. */
export function expectGoodFile(output: string): void {
  expect(complaintsAbout(output), 'warnings of ffmpeg').toBe('');
  const times = frames(output);
  expect(times[0]!.key, 'begins with a keyframe').toBe(true);
  const keys = [...times.filter(({ key }) => key), times.at(-1)!].map(({ time }) => time);
  const gaps = keys.slice(1).map((time, i) => time - keys[i]!);
  expect(Math.max(0, ...gaps), 'seconds between keyframes').toBeLessThanOrEqual(2.0005);
  if (!output.endsWith('.mp4')) return;
  const boxes = topLevelBoxes(output);
  expect(boxes.indexOf('moov'), `moov in ${boxes}`).toBeGreaterThan(0);
  expect(boxes.indexOf('moov'), `moov before mdat in ${boxes}`).toBeLessThan(boxes.indexOf('mdat'));
}

/** On the screen it has the source's size and orientation. */
export function expectSameShape(source: string, output: string): void {
  expect(displayedSize(output)).toEqual(displayedSize(source));
  expect(rotationOf(output)).toBe(rotationOf(source));
}

/** Frame by frame the pictures are those of the source, as far as an encoder keeps them. */
export function expectSamePictures(source: string, output: string, leastPsnr = 28): void {
  const worst = Math.min(...psnrOfFrames(source, output, { width: 160, height: 90 }));
  expect(worst, 'dB, the worst frame').toBeGreaterThanOrEqual(leastPsnr);
}

/** Frames on each side of a seam that are looked at. */
const SEAM_FRAMES = 12;
/** dB that they may be worse on average than the clip is. */
const SEAM_LOSS = 1;

/**
 * Where segments were joined the pictures are as good as elsewhere: as the mean of the clip, or, where what is shown is
 * harder to encode than that, as a run without a seam has them there.
 * @param whole the same from one run.
 * @param seams first frames of the later segments.
 */
export function expectNoSeams(
  source: string,
  { output, whole }: { output: string; whole: string },
  size: { width: number; height: number },
  seams: readonly number[],
): void {
  const [joined, unsplit] = [output, whole].map((path) => psnrOfFrames(source, path, size));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const seam of seams) {
    const around = (values: readonly number[]) => mean(values.slice(seam - SEAM_FRAMES, seam + SEAM_FRAMES));
    const least = Math.min(mean(joined!), around(unsplit!)) - SEAM_LOSS;
    expect(around(joined!), `dB around the seam at frame ${seam}`).toBeGreaterThanOrEqual(least);
  }
}

function psnrOfFrames(
  source: string,
  output: string,
  { width, height }: { width: number; height: number },
): number[] {
  const options = { width, height, filter: `scale=${width}:${height}` };
  const wanted = rawFrames(source, options);
  const found = rawFrames(output, options);
  expect(found.length).toBe(wanted.length);
  return found.map((frame, i) => psnr(frame, wanted[i]!));
}

function psnr(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum === 0 ? 99 : 10 * Math.log10((255 ** 2 * a.length) / sum);
}
