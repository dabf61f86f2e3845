import type { Readable } from 'node:stream';

/** A part of a file that is about to be sent. All parts but the last are `PART_BYTES` long. */
export interface Part {
  index: number;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Where a part goes with a PUT, from wherever the node is. */
export interface PartTarget {
  url: string;
  headers: Record<string, string>;
}

/**
 * Keeps files by key: words of letters, digits, `_` and `-` with slashes between, which only the server makes up. A
 * part is written once; a file is there when all its parts are and `complete` was called.
 */
export interface BlobStore {
  /** In words, without secrets. */
  readonly name: string;
  /** Of the addresses that parts are sent to; null where that is this server. */
  readonly origin: string | null;
  /** Where nodes send parts themselves; null where they send them to this server, which calls `writePart`. */
  readonly partTarget: ((key: string, part: Part) => Promise<PartTarget>) | null;
  /**
   * Writes a part, once: length and digest are checked on the way.
   * @throws {EdgeRunnerError} `conflict` where it is there already with other bytes; `digest-mismatch`; `disk-full`.
   */
  writePart(key: string, part: Part, body: Readable): Promise<void>;
  /** Makes one file of its parts. Again is no fault. @throws {EdgeRunnerError} `digest-mismatch` when one is missing or another. */
  complete(key: string, parts: readonly Part[]): Promise<void>;
  /** Takes a whole file on this machine over, of whatever size. The file at `path` is gone then. */
  adopt(key: string, path: string): Promise<void>;
  /** Bytes `[start, end)` of a complete file. @throws {EdgeRunnerError} `not-found` */
  read(key: string, start: number, end: number): Promise<Readable>;
  /** Bytes in all. @throws {EdgeRunnerError} `not-found` */
  size(key: string): Promise<number>;
  /** Removes all files whose key is this one or begins with it and a slash; none is no fault. */
  remove(prefix: string): Promise<void>;
  close(): Promise<void>;
}
