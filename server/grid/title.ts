import type { JobSpec } from '../../protocol/index.ts';

/** Characters of a title, at most. */
const LONGEST = 200;

/**
 * What people call a job: its first source, and how many there are besides.
 * @param names of uploads, by id.
 */
export function titleOf({ sources }: JobSpec, names: ReadonlyMap<string, string>): string {
  const first = nameOf(sources[0]!, names);
  const others = sources.length - 1;
  return `${first.slice(0, LONGEST)}${others > 0 ? ` and ${others} more` : ''}`;
}

function nameOf(source: JobSpec['sources'][number], names: ReadonlyMap<string, string>): string {
  switch (source.kind) {
    case 'upload':
      return names.get(source.upload ?? '') || 'upload';
    case 'http': {
      // Without its query, which may hold keys.
      const { hostname, pathname } = new URL(source.url);
      return decoded(pathname.split('/').filter(Boolean).at(-1) ?? hostname);
    }
    case 'snapshots':
      return source.files.length === 1 ? source.files[0]! : `${source.files.length} pictures`;
    case 'pattern':
    case 'street':
      return `${source.kind} ${source.width}×${source.height}`;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
