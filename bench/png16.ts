import { inflateSync } from 'node:zlib';
import type { DepthMap } from '../kernels/index.ts';

/**
 * Reads a PNG of 16-bit greys, as `--depth-raw` writes them, back into the values that its notes give.
 * @throws {Error} for any other PNG.
 */
export function readDepthPng(bytes: Buffer): DepthMap & { larger: string } {
  const data: Buffer[] = [];
  const notes = new Map<string, string>();
  let [width, height] = [0, 0];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      if (body[8] !== 16 || body[9] !== 0 || body[12] !== 0) throw new Error('no PNG of 16-bit greys');
    } else if (type === 'IDAT') data.push(body);
    else if (type === 'tEXt') {
      const [key, value] = body.toString('latin1').split('\0');
      notes.set(key!, value!);
    }
    at += 12 + length;
  }
  const rows = inflateSync(Buffer.concat(data));
  const stride = 2 * width;
  const above = Buffer.alloc(stride);
  const min = Number(notes.get('depth-min'));
  const unit = (Number(notes.get('depth-max')) - min) / 65535;
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = rows.subarray(y * (1 + stride) + 1, (y + 1) * (1 + stride));
    const filter = rows[y * (1 + stride)];
    if (filter !== 0 && filter !== 2) throw new Error(`filter ${filter} is not written by edge-runner`);
    for (let i = 0; i < stride; i++) above[i] = row[i]! + (filter === 2 ? above[i]! : 0);
    for (let x = 0; x < width; x++) values[y * width + x] = min + above.readUInt16BE(2 * x) * unit;
  }
  return { values, width, height, larger: notes.get('depth-larger') ?? '' };
}
