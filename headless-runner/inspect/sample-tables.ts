import type { ISOFile } from 'mp4box';
import { SampleStats } from './sample-stats.ts';

export type Movie = ISOFile['moov'];
export type Track = Movie['traks'][number];
export type Fragment = ISOFile['moofs'][number];

/** Samples of one size: the table is a size and a count. */
export interface ConstantSize {
  bytes: number;
  samples: number;
}

/**
 * Takes the constant sizes out of a `moov` box before it is parsed: mp4box would write out one number for each
 * sample, which for uncompressed sound are more than there is memory for, and for a hostile file 2^32.
 * @param moov the whole box; counts of such tables are set to 0 in it.
 * @returns one item per `trak`, in order; null where the sizes differ.
 */
export function takeConstantSizes(moov: Uint8Array): (ConstantSize | null)[] {
  const view = new DataView(moov.buffer, moov.byteOffset, moov.length);
  const found: (ConstantSize | null)[] = [];
  const walk = (from: number, to: number): void => {
    for (let at = from; at + 8 <= to; ) {
      const size = view.getUint32(at);
      const end = at + size;
      if (size < 8 || end > to) return;
      const type = String.fromCharCode(...moov.subarray(at + 4, at + 8));
      if (type === 'trak') found.push(null);
      if (WAY_TO_STSZ.has(type)) walk(at + 8, end);
      if (type === 'stsz' && size >= 20 && found.length > 0 && view.getUint32(at + 12) !== 0) {
        found[found.length - 1] = { bytes: view.getUint32(at + 12), samples: view.getUint32(at + 16) };
        view.setUint32(at + 16, 0);
      }
      at = end;
    }
  };
  walk(0, moov.length);
  return found;
}

const WAY_TO_STSZ = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

/** Statistics of the samples that a track's own tables list; fragments come on top with {@link addFragment}. */
export function tableStats(track: Track, constant: ConstantSize | null, fileBytes: number): SampleStats {
  const stats = new SampleStats();
  const { stts, stsz, stss } = track.mdia.minf.stbl;
  if (!stts || !stsz) return stats;
  const samples = constant?.samples ?? stsz.sample_sizes.length;
  if (track.mdia.hdlr.handler !== 'vide' || samples > fileBytes) {
    const bytes = constant
      ? constant.bytes * samples
      : stsz.sample_sizes.reduce((sum, size) => sum + size, 0);
    const ticks = stts.sample_counts.reduce((sum, count, run) => sum + count * stts.sample_deltas[run]!, 0);
    stats.addSum(samples, bytes, ticks);
    return stats;
  }
  let nextSync = 0;
  let run = 0;
  let left = stts.sample_counts[0] ?? 0;
  for (let index = 0; index < samples; index++) {
    while (left === 0 && run < stts.sample_counts.length - 1) left = stts.sample_counts[++run]!;
    left = Math.max(0, left - 1);
    // Without a table of sync samples every sample is one (ISO/IEC 14496-12 §8.6.2).
    const key = stss ? stss.sample_numbers[nextSync] === index + 1 : true;
    if (key) nextSync++;
    stats.add({
      ticks: stts.sample_deltas[run] ?? 0,
      bytes: constant?.bytes ?? stsz.sample_sizes[index]!,
      key,
    });
  }
  return stats;
}

/** Adds the samples of one `moof` to the statistics of their tracks, by track id. */
export function addFragment(fragment: Fragment, movie: Movie, stats: ReadonlyMap<number, SampleStats>): void {
  for (const { tfhd, truns } of fragment.trafs ?? []) {
    const track = stats.get(tfhd.track_id);
    const defaults = movie.mvex?.trexs.find((trex) => trex.track_id === tfhd.track_id);
    const ticks = tfhd.flags & 0x08 ? tfhd.default_sample_duration : (defaults?.default_sample_duration ?? 0);
    const bytes = tfhd.flags & 0x10 ? tfhd.default_sample_size : (defaults?.default_sample_size ?? 0);
    const flags = tfhd.flags & 0x20 ? tfhd.default_sample_flags : (defaults?.default_sample_flags ?? 0);
    for (const run of truns ?? [])
      for (let index = 0; track && index < run.sample_count; index++) {
        const own = index === 0 && run.flags & 0x04 ? run.first_sample_flags : flags;
        track.add({
          ticks: run.sample_duration[index] ?? ticks,
          bytes: run.sample_size[index] ?? bytes,
          key: ((run.sample_flags[index] ?? own) & NON_SYNC) === 0,
        });
      }
  }
}

/** `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1). */
const NON_SYNC = 0x10000;
