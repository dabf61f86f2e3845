import { readFileSync } from 'node:fs';
import { createFile, type ISOFile, MP4BoxBuffer } from 'mp4box';

/** A finished MP4, read by a parser that is not the one which wrote it. */
export function readIsobmff(path: string): ISOFile {
  const bytes = readFileSync(path);
  const file = createFile(true);
  file.appendBuffer(
    MP4BoxBuffer.fromArrayBuffer(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
      0,
    ),
  );
  file.flush();
  return file;
}

/** Names of the boxes of the top level, in file order. */
export const topLevelBoxes = (path: string): string[] => readIsobmff(path).boxes.map(({ type }) => type);

export interface ReadSample {
  /** Seconds. */
  time: number;
  key: boolean;
}

/** Samples of the first video track in presentation order, edit lists not applied. */
export function videoSamples(path: string): ReadSample[] {
  const file = readIsobmff(path);
  const track = file.getInfo().videoTracks[0];
  if (!track) throw new Error(`${path} has no video track`);
  return file
    .getTrackSamplesInfo(track.id)
    .map(({ cts, timescale, is_sync }) => ({ time: cts / timescale, key: is_sync }))
    .sort((a, b) => a.time - b.time);
}
