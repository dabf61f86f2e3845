import type { BytePeek, ReadBytes } from './byte-peek.ts';
import type { Patch } from './patched-source.ts';

/** A Matroska or WebM file that ends before it should. */
export interface MatroskaCut {
  /** Bytes that are not there, as far as it says. */
  missing: number;
  /** Bytes up to the end of the last whole block. */
  size: number;
  /** What makes these bytes a whole file to a demuxer, which leaves a cluster out whose declared size is not there. */
  patches: Patch[];
}

/** Elements of RFC 9559, by their ids with the length marker. */
const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const CLUSTER_BYTES = [0x1f, 0x43, 0xb6, 0x75] as const;
/** What a cluster begins with: its timestamp, or before it a checksum, a position or the size of the one before. */
const FIRST_IN_CLUSTER = [0xe7, 0xbf, 0xa7, 0xab, 0xec];

/** Longest header: an id of 4 bytes and a size of 8. */
const HEADER = 12;
/** Tails searched for the last cluster, each twice the one before. */
const FIRST_TAIL = 64 << 10;
const LAST_TAIL = 64 << 20;

interface Element {
  id: number;
  /** Bytes of id and size. */
  header: number;
  /** Bytes of the size alone. */
  sizeBytes: number;
  /** Null for an element that goes on until something else begins. */
  size: number | null;
}

/**
 * Whether a file was cut, from the sizes that its segment and its last cluster declare; null for a whole file, and for
 * one that does not say where it ends.
 */
export async function findCut(read: ReadBytes, peek: BytePeek, size: number): Promise<MatroskaCut | null> {
  const claimed = await segmentEnd(peek);
  if (claimed === null || claimed <= size) return null;
  const cluster = await lastCluster(read, size);
  const missing = (Number.isFinite(claimed) ? claimed : (cluster?.end ?? 0)) - size;
  if (missing <= 0) return null;
  if (!cluster || cluster.end <= size) return { missing, size, patches: [] };
  const { element, body, whole } = cluster;
  const patches = [{ position: body - element.sizeBytes, bytes: sizeOf(whole - body, element.sizeBytes) }];
  return { missing, size: whole, patches: element.size === null ? [] : patches };
}

/** Where the segment says that it ends, `Infinity` when it does not say; null when this is no Matroska. */
async function segmentEnd(peek: BytePeek): Promise<number | null> {
  const ebml = elementAt(await peek.at(0, HEADER), 0);
  if (ebml?.id !== EBML || ebml.size === null) return null;
  const start = ebml.header + ebml.size;
  const segment = elementAt(await peek.at(start, HEADER), 0);
  if (segment?.id !== SEGMENT) return null;
  return segment.size === null ? Number.POSITIVE_INFINITY : start + segment.header + segment.size;
}

interface Cluster {
  element: Element;
  /** Where its contents begin, where its last whole block ends, and where it says that it ends itself. */
  body: number;
  whole: number;
  end: number;
}

/** Searched from the end: a film has thousands of clusters, and only the last can be cut. */
async function lastCluster(read: ReadBytes, size: number): Promise<Cluster | null> {
  for (let length = FIRST_TAIL; length <= LAST_TAIL; length *= 2) {
    const from = Math.max(0, size - length);
    const tail = await read(from, size);
    for (let at = tail.byteLength - HEADER; at >= 0; at--) {
      if (!CLUSTER_BYTES.every((byte, i) => tail[at + i] === byte)) continue;
      const element = elementAt(tail, at);
      if (!element || !FIRST_IN_CLUSTER.includes(tail[at + element.header]!)) continue;
      const body = at + element.header;
      const { whole, next } = childrenOf(tail, body, element.size);
      const end = element.size === null ? next : body + element.size;
      return { element, body: from + body, whole: from + whole, end: from + end };
    }
    if (from === 0) break;
  }
  return null;
}

/** Where the last whole child ends, and where the one after it would; the same place when nothing follows. */
function childrenOf(bytes: Uint8Array, body: number, size: number | null): { whole: number; next: number } {
  const end = Math.min(bytes.byteLength, body + (size ?? Number.POSITIVE_INFINITY));
  let whole = body;
  while (whole < end) {
    const child = elementAt(bytes, whole);
    // Too few bytes for a header are the beginning of something as well.
    if (!child) return { whole, next: end + 1 };
    // No element of a cluster has an id of four bytes: this one comes after it.
    if (child.size === null || child.id > 0xffffff) break;
    const next = whole + child.header + child.size;
    if (next > end) return { whole, next };
    whole = next;
  }
  return { whole, next: whole };
}

function elementAt(bytes: Uint8Array, start: number): Element | null {
  const idBytes = lengthAt(bytes, start, 4);
  const sizeBytes = idBytes && lengthAt(bytes, start + idBytes, 8);
  if (!idBytes || !sizeBytes) return null;
  const body = start + idBytes + sizeBytes;
  const size = bytes.subarray(start + idBytes, body);
  // Without its marker bit, which would take a size of 8 bytes beyond what a number holds exactly.
  const marker = 0x80 >> (sizeBytes - 1);
  const unknown = size[0] === marker * 2 - 1 && size.subarray(1).every((byte) => byte === 0xff);
  return {
    id: uintOf(bytes.subarray(start, start + idBytes)),
    header: idBytes + sizeBytes,
    sizeBytes,
    size: unknown ? null : (size[0]! - marker) * 256 ** (sizeBytes - 1) + uintOf(size.subarray(1)),
  };
}

/** Bytes of an EBML number (RFC 8794, section 4), by its leading zeros; null when they are not all there. */
function lengthAt(bytes: Uint8Array, start: number, longest: number): number | null {
  const first = bytes[start];
  if (!first) return null;
  const length = Math.clz32(first) - 23;
  return length <= longest && start + length <= bytes.byteLength ? length : null;
}

const uintOf = (bytes: Uint8Array) => bytes.reduce((value, byte) => value * 256 + byte, 0);

/** A size of exactly so many bytes. */
function sizeOf(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[0]! |= 0x80 >> (length - 1);
  return bytes;
}
