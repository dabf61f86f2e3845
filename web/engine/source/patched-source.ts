import { CustomSource } from 'mediabunny';
import type { ReadBytes } from './byte-peek.ts';

/** Bytes shown in the place of those that a source has at a position. */
export interface Patch {
  position: number;
  bytes: Uint8Array;
}

/** A source's first `size` bytes, some of them replaced, as a source of its own. */
export function patchedSource(read: ReadBytes, size: number, patches: readonly Patch[]): CustomSource {
  return new CustomSource({
    getSize: () => size,
    read: async (start, end) => applyPatches(await read(start, end), start, patches),
    prefetchProfile: 'network',
    // A read ahead that fails is no fault of its own: the read that needs the bytes meets it again.
    handleUnhandledError: () => {},
  });
}

/** Writes what of the patches lies within `bytes`, which are those from `start` on. */
export function applyPatches(bytes: Uint8Array, start: number, patches: readonly Patch[]): Uint8Array {
  for (const { position, bytes: patch } of patches) {
    const from = Math.max(position, start);
    const to = Math.min(position + patch.byteLength, start + bytes.byteLength);
    if (from < to) bytes.set(patch.subarray(from - position, to - position), from - start);
  }
  return bytes;
}
