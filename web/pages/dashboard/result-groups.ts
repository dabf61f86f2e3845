import type { JobSpec, ResultFile } from '../../../protocol/index.ts';

/** What of a job's files stands in sight, and what in a drawer of its output. */
export interface ResultGroups {
  /** What is played: of an output that has playlists those, the one that names the others first. */
  playable: ResultFile[];
  /** What people came for: videos, playlists, then events. */
  first: ResultFile[];
  /** Many of a kind, by output: frames, depth maps, the pieces of a playlist. */
  many: { output: string; what: string; files: ResultFile[] }[];
}

const WHAT = { frames: 'pictures', 'depth-maps': 'depth maps', video: 'pieces of the playlist' } as const;

export const isPlaylist = ({ name }: Pick<ResultFile, 'name'>): boolean => name.endsWith('.m3u8');
export const isPicture = ({ name }: Pick<ResultFile, 'name'>): boolean =>
  /\.(png|jpe?g|webp|avif|gif|bmp)$/i.test(name);

const { compare } = new Intl.Collator(undefined, { numeric: true });
const inOrder = (a: ResultFile, b: ResultFile): number => a.task - b.task || compare(a.name, b.name);

export function groupResults(
  files: readonly ResultFile[],
  outputs: readonly Pick<JobSpec['outputs'][number], 'id' | 'kind'>[],
): ResultGroups {
  const found: ResultGroups = { playable: [], first: [], many: [] };
  const events: ResultFile[] = [];
  for (const { id: output, kind } of outputs) {
    const mine = files.filter((file) => file.output === output);
    const lists = mine.filter(isPlaylist).toSorted((a, b) => a.name.length - b.name.length);
    if (kind === 'events') events.push(...mine);
    else if (kind === 'video' && lists.length === 0) {
      found.playable.push(...mine);
      found.first.push(...mine);
    } else {
      found.playable.push(...lists);
      found.first.push(...lists);
      const rest = mine.filter((file) => !isPlaylist(file)).sort(inOrder);
      if (rest.length > 0) found.many.push({ output, what: WHAT[kind], files: rest });
    }
  }
  found.first.push(...events);
  return found;
}
