import { open } from 'node:fs/promises';
import type { InputKind } from './sniff.ts';

/** Size of a still picture, px, from its header; null where it is not found in the first 256 KiB. */
export async function pictureSize(
  path: string,
  format: InputKind['format'],
): Promise<{ width: number; height: number } | null> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const size = SIZES[format]?.(new DataView(buffer.buffer, 0, bytesRead)) ?? null;
    return size && { width: size[0], height: size[1] };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  } finally {
    await file.close();
  }
}

const HEAD_BYTES = 256 * 1024;

type Size = [width: number, height: number];

const SIZES: Partial<Record<InputKind['format'], (head: DataView) => Size | null>> = {
  png: (head) => [head.getUint32(16), head.getUint32(20)],
  gif: (head) => [head.getUint16(6, true), head.getUint16(8, true)],
  webp: webpSize,
  jpeg: jpegSize,
  avif: avifSize,
};

/** Segments until a start of frame (SOF0–15 without DHT, JPG and DAC). */
function jpegSize(head: DataView): Size | null {
  for (let at = 2; head.getUint8(at) === 0xff; at += 2 + head.getUint16(at + 2)) {
    const marker = head.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return [head.getUint16(at + 7), head.getUint16(at + 5)];
  }
  return null;
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function webpSize(head: DataView): Size | null {
  const chunk = String.fromCharCode(...[12, 13, 14, 15].map((at) => head.getUint8(at)));
  const uint24 = (at: number) => head.getUint16(at, true) + (head.getUint8(at + 2) << 16);
  if (chunk === 'VP8X') return [uint24(24) + 1, uint24(27) + 1];
  if (chunk === 'VP8 ') return [head.getUint16(26, true) & 0x3fff, head.getUint16(28, true) & 0x3fff];
  if (chunk !== 'VP8L') return null;
  const bits = head.getUint32(21, true);
  return [(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1];
}

/** The largest `ispe` property: smaller ones are thumbnails and tiles. */
function avifSize(head: DataView): Size | null {
  let largest: Size | null = null;
  for (let at = 0; at + 16 <= head.byteLength; at++) {
    if (head.getUint32(at) !== ISPE) continue;
    const size: Size = [head.getUint32(at + 8), head.getUint32(at + 12)];
    if (!largest || size[0] * size[1] > largest[0] * largest[1]) largest = size;
  }
  return largest;
}

const ISPE = 0x69737065;
