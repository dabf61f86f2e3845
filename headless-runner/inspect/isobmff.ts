import { type FileHandle, open } from 'node:fs/promises';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { reportTrack } from './isobmff-track.ts';
import { boxTree, parseBox } from './parse-box.ts';
import type { BoxReport, MediaReport, TrackReport } from './report.ts';
import type { SampleStats } from './sample-stats.ts';
import { addFragment, type Fragment, type Movie, tableStats, takeConstantSizes } from './sample-tables.ts';
import { type TopLevelBox, topLevelBoxes } from './top-level-boxes.ts';

type Findings = Pick<MediaReport, 'container' | 'brands' | 'layout' | 'tracks' | 'boxes'>;

/**
 * Looks into an MP4, MOV or CMAF file with mp4box, which shares no code with the library that the engine reads and
 * writes with. Media data is skipped over, not read.
 * @throws {EdgeRunnerError} `input-unreadable` when the index is there and cannot be parsed.
 */
export async function inspectIsobmff(path: string): Promise<Findings> {
  const file = await open(path);
  try {
    return await inspectOpen(path, file);
  } finally {
    await file.close();
  }
}

async function inspectOpen(path: string, file: FileHandle): Promise<Findings> {
  const { size } = await file.stat();
  const { boxes: top, truncated } = await topLevelBoxes(file, size);
  const tree: BoxReport[] = [];
  let brands: string[] = [];
  let movie: Movie | null = null;
  let stats = new Map<number, SampleStats>();
  for (const box of top) {
    const report: BoxReport = { ...box };
    tree.push(report);
    if (!PARSED.has(box.type) || box.start + box.bytes > size) continue;
    try {
      const bytes = await readBox(file, box);
      const constant = box.type === 'moov' && !movie ? takeConstantSizes(bytes) : [];
      const parsed = parseBox(bytes);
      Object.assign(report, boxTree(parsed, box.start));
      if (box.type === 'ftyp') brands = brandsOf(bytes);
      else if (box.type === 'moof' && movie) addFragment(parsed as Fragment, movie, stats);
      else if (box.type === 'moov' && !movie) {
        movie = parsed as Movie;
        const tracks = movie.traks ?? [];
        stats = new Map(
          tracks.map((track, index) => [
            track.tkhd.track_id,
            tableStats(track, constant[index] ?? null, size),
          ]),
        );
      }
    } catch (error) {
      throw damaged(path, box, error);
    }
  }
  const moov = top.findIndex(({ type }) => type === 'moov');
  const mdat = top.findIndex(({ type }) => type === 'mdat');
  return {
    container: brands[0] === 'qt  ' || brands.length === 0 ? 'quicktime' : 'mp4',
    brands,
    layout: {
      fastStart: moov !== -1 && (mdat === -1 || moov < mdat),
      fragmented: movie?.mvex !== undefined,
      fragments: top.filter(({ type }) => type === 'moof').length,
      truncated: truncated || movie === null,
    },
    tracks: movie ? reportTracks(path, movie, stats) : [],
    boxes: tree,
  };
}

/** What is small and worth looking into. `mdat`, `free` and unknown boxes are named, not read. */
const PARSED = new Set(['ftyp', 'styp', 'moov', 'moof', 'sidx', 'meta', 'mfra', 'emsg', 'prft']);
const MAX_BOX_BYTES = 512 * 2 ** 20;

async function readBox(file: FileHandle, box: TopLevelBox): Promise<Uint8Array> {
  if (box.bytes > MAX_BOX_BYTES) throw new RangeError(`it is larger than ${MAX_BOX_BYTES} bytes`);
  const bytes = new Uint8Array(box.bytes);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, box.start + filled);
    if (bytesRead === 0) throw new RangeError('the file became shorter');
    filled += bytesRead;
  }
  return bytes;
}

const damaged = (path: string, box: TopLevelBox, cause: unknown) =>
  new EdgeRunnerError(
    'input-unreadable',
    `${path} is damaged: its "${box.type}" box at byte ${box.start} cannot be read (${(cause as Error).message}).`,
    'Make the file again, or repair it: ffmpeg -i INPUT -c copy OUTPUT.mp4.',
    { cause },
  );

/** Major brand at byte 8, a version, then the compatible brands. */
function brandsOf(ftyp: Uint8Array): string[] {
  const brands: string[] = [];
  for (let at = 8; at + 4 <= ftyp.length; at += at === 8 ? 8 : 4)
    brands.push(String.fromCharCode(...ftyp.subarray(at, at + 4)));
  return brands;
}

function reportTracks(path: string, movie: Movie, stats: ReadonlyMap<number, SampleStats>): TrackReport[] {
  try {
    return (movie.traks ?? []).map((track) => reportTrack(track, movie, stats.get(track.tkhd.track_id)!));
  } catch (error) {
    throw damaged(path, { type: 'moov', start: movie.start ?? 0, bytes: movie.size }, error);
  }
}
