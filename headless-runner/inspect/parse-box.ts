import { type Box, createFile, Log, MP4BoxBuffer } from 'mp4box';
import type { BoxReport } from './report.ts';

/**
 * Parses one box with all that it holds. mp4box keeps the whole stream and builds an object for every sample when it
 * is given a file; box by box, and without its sample lists, hours of video cost no memory.
 * @throws {RangeError} when the bytes do not hold what the box says.
 */
export function parseBox(bytes: Uint8Array): Box {
  const file = createFile();
  const faults: string[] = [];
  file.onError = (_module, message) => faults.push(message);
  const buffer = new MP4BoxBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  buffer.fileStart = 0;
  if (file.checkBuffer(buffer)) file.parse();
  const box = file.boxes[0];
  if (!box || faults.length > 0) throw new RangeError(faults[0] ?? 'a box that cannot be parsed');
  return box;
}

/** @param offset where the box that was parsed begins in the file. */
export function boxTree(box: Box, offset: number): BoxReport {
  const report: BoxReport = { type: box.type, start: offset + (box.start ?? 0), bytes: box.size };
  const entries = 'entries' in box && Array.isArray(box.entries) ? (box.entries as unknown[]) : [];
  const children = [...(box.boxes ?? []), ...entries.filter(isBox)];
  if (children.length > 0) report.boxes = children.map((child) => boxTree(child, offset));
  return report;
}

// mp4box complains to the console of boxes that it does not know, and has no level that is silent.
Log.error = (module, message, file) => file?.onError?.(module, message ?? module);
Log.warn = () => {};

const isBox = (value: unknown): value is Box =>
  typeof value === 'object' && value !== null && 'type' in value && 'size' in value && 'start' in value;
