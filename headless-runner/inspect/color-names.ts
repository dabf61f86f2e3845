import type { VideoTrackReport } from './report.ts';

/** Code points of ITU-T H.273 by the names that WebCodecs and FFmpeg share; others by their number. */
export const colorNames = (
  primaries: number,
  transfer: number,
  matrix: number,
  fullRange: boolean | null,
): VideoTrackReport['color'] => ({
  primaries: PRIMARIES[primaries] ?? String(primaries),
  transfer: TRANSFER[transfer] ?? String(transfer),
  matrix: MATRIX[matrix] ?? String(matrix),
  fullRange,
});

const PRIMARIES: Record<number, string> = {
  1: 'bt709',
  2: 'unspecified',
  5: 'bt470bg',
  6: 'smpte170m',
  9: 'bt2020',
  12: 'smpte432',
};

const TRANSFER: Record<number, string> = {
  1: 'bt709',
  2: 'unspecified',
  6: 'smpte170m',
  8: 'linear',
  13: 'iec61966-2-1',
  16: 'pq',
  18: 'hlg',
};

const MATRIX: Record<number, string> = {
  0: 'rgb',
  1: 'bt709',
  2: 'unspecified',
  5: 'bt470bg',
  6: 'smpte170m',
  9: 'bt2020-ncl',
};
