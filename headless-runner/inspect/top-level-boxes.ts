import type { FileHandle } from 'node:fs/promises';

/** A box at the top of an ISO BMFF file. `bytes` is what it claims, which may be more than the file has. */
export interface TopLevelBox {
  type: string;
  start: number;
  bytes: number;
}

/**
 * Reads nothing but the headers of the boxes at the top, so that a file of any size is walked in a moment.
 * @returns the boxes, and whether the file ends before they do or goes on with something that is none.
 */
export async function topLevelBoxes(
  file: FileHandle,
  fileBytes: number,
): Promise<{ boxes: TopLevelBox[]; truncated: boolean }> {
  const boxes: TopLevelBox[] = [];
  let start = 0;
  while (start < fileBytes) {
    const { buffer, bytesRead } = await file.read(new Uint8Array(16), 0, 16, start);
    const header = new DataView(buffer.buffer);
    const type = String.fromCharCode(...buffer.subarray(4, 8));
    if (bytesRead < 8 || !/^[\x20-\x7e\xa9]{4}$/.test(type)) return { boxes, truncated: true };
    let bytes = header.getUint32(0);
    // 0: to the end of the file; 1: the size is a 64-bit number behind the type (ISO/IEC 14496-12 §4.2).
    if (bytes === 0) bytes = fileBytes - start;
    else if (bytes === 1) bytes = Number(header.getBigUint64(8));
    if (bytes < 8) return { boxes, truncated: true };
    boxes.push({ type, start, bytes });
    start += bytes;
  }
  return { boxes, truncated: start > fileBytes };
}
