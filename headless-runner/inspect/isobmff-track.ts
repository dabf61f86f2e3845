import { colorNames } from './color-names.ts';
import { frameFacts } from './frame-facts.ts';
import type { CommonTrackReport, TrackReport, VideoTrackReport } from './report.ts';
import type { SampleStats } from './sample-stats.ts';
import type { Movie, Track } from './sample-tables.ts';
import { soundFacts } from './sound-facts.ts';

/**
 * One `trak` box in words.
 * @throws {TypeError} when a box is missing that every track must have.
 */
export function reportTrack(track: Track, movie: Movie, stats: SampleStats): TrackReport {
  const { mdhd, hdlr, minf, elng } = track.mdia;
  const entry = minf.stbl.stsd.entries[0];
  const elst = track.edts?.elst?.entries ?? null;
  const edits =
    elst?.map((edit) => ({
      duration: edit.segment_duration / movie.mvhd.timescale,
      mediaTime: edit.media_time < 0 ? null : edit.media_time / mdhd.timescale,
      rate: edit.media_rate_integer + edit.media_rate_fraction / 65536,
    })) ?? null;
  const gap = edits?.find(({ mediaTime }) => mediaTime === null)?.duration ?? 0;
  const skipped = edits?.find(({ mediaTime }) => mediaTime !== null)?.mediaTime ?? 0;
  const firstOffset = (minf.stbl.ctts?.sample_offsets[0] ?? 0) / mdhd.timescale;
  const duration = stats.ticks / mdhd.timescale;
  const common: CommonTrackReport = {
    id: track.tkhd.track_id,
    codec: entry ? entry.getCodec().replace(/\.+$/, '') : null,
    language: elng?.extended_language ?? languageOf(mdhd.language),
    start: gap + firstOffset - skipped,
    duration,
    samples: stats.samples,
    bytes: stats.bytes,
    bitrate: duration > 0 ? Math.round((stats.bytes * 8) / duration) : null,
    edits,
  };
  if (hdlr.handler === 'vide' && entry?.isVideo())
    return { kind: 'video', ...common, ...pictureFacts(track), ...frameFacts(stats, mdhd.timescale) };
  if (hdlr.handler === 'soun' && entry) return { kind: 'audio', ...common, ...soundFacts(entry) };
  return { kind: 'other', ...common, handler: hdlr.handler };
}

/** Three letters of five bits each (ISO/IEC 14496-12 §8.4.2). */
function languageOf(packed: number): string {
  const text = [10, 5, 0].map((shift) => String.fromCharCode(0x60 + ((packed >> shift) & 31))).join('');
  return /^[a-z]{3}$/.test(text) ? text : 'und';
}

type PictureFacts = Omit<
  VideoTrackReport,
  'kind' | keyof CommonTrackReport | keyof ReturnType<typeof frameFacts>
>;

function pictureFacts(track: Track): PictureFacts {
  const entry = track.mdia.minf.stbl.stsd.entries[0]!;
  const [width, height] = [entry.getWidth(), entry.getHeight()];
  const boxes = entry.boxes ?? [];
  const pasp = boxes.find(({ type }) => type === 'pasp') as Pasp | undefined;
  const colr = boxes.find(({ type }) => type === 'colr') as Colr | undefined;
  const pixelAspect: [number, number] =
    pasp && pasp.hSpacing > 0 && pasp.vSpacing > 0 ? [pasp.hSpacing, pasp.vSpacing] : [1, 1];
  const { rotation, flip } = orientationOf(track.tkhd.matrix);
  const square = Math.round((width * pixelAspect[0]) / pixelAspect[1]);
  const sideways = rotation === 90 || rotation === 270;
  const known = colr && (colr.colour_type === 'nclx' || colr.colour_type === 'nclc');
  return {
    width,
    height,
    displayWidth: sideways ? height : square,
    displayHeight: sideways ? square : height,
    rotation,
    flip,
    pixelAspect,
    color: known
      ? colorNames(
          colr.colour_primaries,
          colr.transfer_characteristics,
          colr.matrix_coefficients,
          // QuickTime's older form has no flag of the range.
          colr.colour_type === 'nclx' ? colr.full_range_flag > 0 : null,
        )
      : null,
  };
}

interface Pasp {
  hSpacing: number;
  vSpacing: number;
}

interface Colr {
  colour_type: string;
  colour_primaries: number;
  transfer_characteristics: number;
  matrix_coefficients: number;
  full_range_flag: number;
}

/** The matrix `a b u c d v x y w` maps (x, y) to (ax + cy, bx + dy); one that mirrors has a negative determinant. */
export function orientationOf(matrix: ArrayLike<number>): Pick<VideoTrackReport, 'rotation' | 'flip'> {
  const [a, b, c, d] = [matrix[0]! | 0, matrix[1]! | 0, matrix[3]! | 0, matrix[4]! | 0];
  const flip = a * d - b * c < 0;
  const turns = Math.round(Math.atan2(b, flip ? -a : a) / (Math.PI / 2));
  return { rotation: (((turns + 4) % 4) * 90) as VideoTrackReport['rotation'], flip };
}
