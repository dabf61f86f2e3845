import { joinedBytes } from '../joined-bytes.ts';

/** Bytes of the length before each unit of H.264 in MP4. */
const LENGTH_BYTES = 4;

/**
 * The parameter sets of an AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1), each with its length before it, as
 * they may stand before a picture; null for a record that is not whole, or whose pictures have lengths of other sizes.
 */
export function parameterSets(description: AllowSharedBufferSource): Uint8Array | null {
  const record = bytesOf(description);
  if (record.byteLength < 7 || (record[4]! & 3) + 1 !== LENGTH_BYTES) return null;
  const sets: Uint8Array[] = [];
  let at = 5;
  // Sequence parameter sets, then those of pictures.
  for (const mask of [0x1f, 0xff]) {
    const count = (record[at++] ?? 0) & mask;
    for (let i = 0; i < count; i++) {
      const length = ((record[at] ?? 0) << 8) | (record[at + 1] ?? 0);
      const set = record.subarray(at + 2, at + 2 + length);
      if (length === 0 || set.byteLength < length) return null;
      sets.push(Uint8Array.of(0, 0, length >> 8, length & 0xff), set);
      at += 2 + length;
    }
  }
  return sets.length === 0 ? null : joinedBytes(sets);
}

export function sameBytes(
  a: AllowSharedBufferSource | undefined,
  b: AllowSharedBufferSource | undefined,
): boolean {
  if (!a || !b) return a === b;
  const [one, other] = [bytesOf(a), bytesOf(b)];
  return one.byteLength === other.byteLength && one.every((byte, i) => byte === other[i]);
}

const bytesOf = (source: AllowSharedBufferSource): Uint8Array =>
  ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
