import type { DepthMap } from '../../../kernels/index.ts';
import type { DepthHead } from '../../../models/adapters/depth.ts';
import type { EngineHost } from '../host.ts';
import { joinedBytes } from '../joined-bytes.ts';
import { writeWhole } from './whole-file.ts';

/** Writes depth maps as pictures of 16-bit greys, in the model's own resolution. */
export class DepthMapOutput {
  readonly #host: EngineHost;
  readonly #output: string;
  readonly #larger: DepthHead['larger'];

  constructor(host: EngineHost, output: string, larger: DepthHead['larger']) {
    this.#host = host;
    this.#output = output;
    this.#larger = larger;
  }

  /** @param file name of the picture, for still pictures. */
  async write(map: DepthMap, frame: number, file: string | undefined): Promise<void> {
    const stem = file?.replace(/\.[^.]+$/, '') ?? `frame-${String(frame).padStart(6, '0')}`;
    await writeWhole(this.#host, this.#output, `${stem}.png`, await depthPng(map, this.#larger));
  }
}

/**
 * A PNG (ISO/IEC 15948) of 16-bit greys: 0 is the map's least finite value, 65535 its greatest, and both stand in the
 * file as text, so that `value = min + sample / 65535 · (max − min)`. What is not finite becomes 0.
 */
export async function depthPng(
  { values, width, height }: DepthMap,
  larger: DepthHead['larger'],
): Promise<Uint8Array<ArrayBuffer>> {
  const { min, max } = endsOf(values);
  const unit = max > min ? 65535 / (max - min) : 0;
  const rows = new Uint8Array(height * (1 + 2 * width));
  const samples = new Uint16Array(width * height);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    samples[i] = Number.isFinite(value) ? Math.round((value - min) * unit) : 0;
  }
  for (let y = 0; y < height; y++) {
    const at = y * (1 + 2 * width);
    // "Up": each byte less the one above it, which suits smooth maps.
    rows[at] = 2;
    for (let x = 0; x < width; x++) {
      const sample = samples[y * width + x]!;
      const above = y > 0 ? samples[(y - 1) * width + x]! : 0;
      rows[at + 1 + 2 * x] = (sample >> 8) - (above >> 8);
      rows[at + 2 + 2 * x] = (sample & 255) - (above & 255);
    }
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([16, 0, 0, 0, 0], 8);
  const note = (key: string, value: string) => chunk('tEXt', new TextEncoder().encode(`${key}\0${value}`));
  return joinedBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    note('depth-min', String(min)),
    note('depth-max', String(max)),
    note('depth-larger', larger),
    chunk('IDAT', await deflated(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}

function endsOf(values: Float32Array): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : { min: 0, max: 0 };
}

/** `deflate` is zlib's format here, the very one that PNG wants. */
async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC_TABLE[(c ^ byte) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
