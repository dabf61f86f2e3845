import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface MediaPlaylist {
  path: string;
  /** Path of the initialisation segment. */
  init: string;
  segments: { path: string; seconds: number }[];
  targetDuration: number;
  ended: boolean;
}

/** The media playlists of a master playlist, variants and audio renditions, in order (RFC 8216). */
export function mediaPlaylists(master: string): MediaPlaylist[] {
  const lines = readFileSync(master, 'utf8').split(/\r?\n/);
  const variants = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const renditions = lines.flatMap((line) => /^#EXT-X-MEDIA:.*URI="([^"]+)"/.exec(line)?.[1] ?? []);
  return [...variants, ...renditions].map((uri) => readPlaylist(join(dirname(master), uri)));
}

function readPlaylist(path: string): MediaPlaylist {
  const text = readFileSync(path, 'utf8');
  const beside = (uri: string) => join(dirname(path), uri);
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
  if (init === undefined) throw new Error(`${path} names no initialisation segment`);
  return {
    path,
    init: beside(init),
    segments: [...text.matchAll(/#EXTINF:([\d.]+),.*\r?\n(\S+)/g)].map(([, seconds, uri]) => ({
      path: beside(uri!),
      seconds: Number(seconds),
    })),
    targetDuration: Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(text)?.[1]),
    ended: text.includes('#EXT-X-ENDLIST'),
  };
}
