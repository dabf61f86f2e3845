/** What tells one version of a file at an address from another; null is what its origin does not say. */
export interface FileMark {
  bytes: number | null;
  etag: string | null;
  /** Its `last-modified`, as it stands there. */
  modified: string | null;
}

interface Answer {
  status: number;
  /** Null for one that is not there. */
  header(name: string): string | null;
}

/** Nothing of an answer that is not the file, a range of it, or the word that a range begins beyond its end. */
export function markOf({ status, header }: Answer): FileMark {
  if (status !== 200 && status !== 206 && status !== 416) return { bytes: null, etag: null, modified: null };
  const encoded = (header('content-encoding') ?? 'identity') !== 'identity';
  const whole = status === 200 && !encoded ? header('content-length') : null;
  // RFC 9110, 14.4
  const total = whole ?? /\/(\d+)$/.exec(header('content-range') ?? '')?.[1];
  return {
    bytes: total ? Number(total) : null,
    etag: header('etag'),
    modified: header('last-modified'),
  };
}

/** Whether both may be of one version: nothing that both say speaks against it. */
export function maySame(a: FileMark, b: FileMark): boolean {
  if (differ(a.bytes, b.bytes)) return false;
  // Mirrors of one file may have it from different times.
  if (a.etag !== null && b.etag !== null) return a.etag === b.etag;
  return !differ(a.modified, b.modified);
}

const differ = <T>(a: T | null, b: T | null) => a !== null && b !== null && a !== b;
