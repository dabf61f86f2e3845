import { stat } from 'node:fs/promises';
import { inspectIsobmff } from './isobmff.ts';
import { inspectOther } from './other-container.ts';
import { pictureSize } from './picture.ts';
import type { MediaReport } from './report.ts';
import { checkInputFile } from './sniff.ts';

/**
 * All that can be said of a media file without decoding it. Its media data is never in memory as a whole.
 * @throws {EdgeRunnerError} as `checkInputFile`, and `input-unreadable` for what is damaged past following.
 */
export async function inspectFile(path: string): Promise<MediaReport> {
  const { kind, format } = await checkInputFile(path);
  const { size: bytes } = await stat(path);
  const nothing = { brands: null, layout: null, tracks: [], picture: null, boxes: null };
  const common = { file: path, bytes, kind, container: format, duration: null, bitrate: null };
  if (kind === 'picture') return { ...common, ...nothing, picture: await pictureSize(path, format) };
  const found = format === 'mp4' ? await inspectIsobmff(path) : await inspectOther(path);
  // The clock of a transport stream begins anywhere; all others count from zero.
  const zero = format === 'mpegts' ? Math.min(...found.tracks.map(({ start }) => start)) : 0;
  const duration = Math.max(0, ...found.tracks.map((track) => track.start + track.duration - zero));
  return {
    ...common,
    ...nothing,
    ...found,
    duration: duration > 0 ? duration : null,
    bitrate: duration > 0 ? Math.round((bytes * 8) / duration) : null,
  };
}
