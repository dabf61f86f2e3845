import { COUNTER_BITS } from '../../web/engine/source/pattern.ts';
import { rawFrames } from './ffmpeg.ts';

/** The number that each shown frame of a test pattern carries as a bar code along its top edge. */
export function frameNumbers(path: string, size: { width: number; height: number }): number[] {
  return rawFrames(path, { ...size, format: 'gray' }).map((frame) => readNumber(frame, size));
}

function readNumber(gray: Buffer, { width, height }: { width: number; height: number }): number {
  const cell = width / COUNTER_BITS;
  const y = Math.max(2, Math.floor(height / 45));
  let number = 0;
  for (let bit = 0; bit < COUNTER_BITS; bit++) {
    const x = Math.floor((bit + 0.5) * cell);
    number = number * 2 + (gray[y * width + x]! > 128 ? 1 : 0);
  }
  return number;
}
