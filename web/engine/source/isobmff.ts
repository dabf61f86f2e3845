import type { BytePeek } from './byte-peek.ts';

/** What the index of an MP4 says of its fragments (ISO/IEC 14496-12). */
export interface Movie {
  /** Where the `moov` box starts. */
  position: number;
  /** Whether fragments may follow: the index then does not say how many samples there are. */
  fragmented: boolean;
  /** Tracks that have samples in the index itself, by id. */
  indexed: Set<number>;
}

interface Box {
  type: string;
  start: number;
  /** Where the contents begin. */
  body: number;
  /** Exclusive; `Infinity` for a box that goes on to the end of the file. */
  end: number;
}

/** Long enough for a box header with a 64-bit size. */
const HEADER = 16;

/** Null where there is no index, or not the whole of it. */
export async function readMovie(peek: BytePeek): Promise<Movie | null> {
  for await (const box of topLevelBoxes(peek)) {
    if (box.type !== 'moov') continue;
    const length = box.end - box.body;
    const body = Number.isFinite(length) ? await peek.at(box.body, length) : new Uint8Array(0);
    if (body.byteLength < length) return null;
    const inside = [...childBoxes(body)];
    return {
      position: box.start,
      fragmented: inside.some(({ type }) => type === 'mvex'),
      indexed: new Set(inside.filter(({ type }) => type === 'trak').flatMap((trak) => indexedId(body, trak))),
    };
  }
  return null;
}

/**
 * How many bytes the last box reaches beyond the end, 0 for a whole file.
 * @param limit boxes looked at, at most: a fragmented film of hours has thousands.
 */
export async function missingBytes(peek: BytePeek, size: number, limit: number): Promise<number> {
  let seen = 0;
  for await (const { end } of topLevelBoxes(peek)) {
    if (Number.isFinite(end) && end > size) return end - size;
    if (++seen === limit) break;
  }
  return 0;
}

async function* topLevelBoxes(peek: BytePeek): AsyncGenerator<Box> {
  let position = 0;
  while (Number.isFinite(position)) {
    const box = boxAt(await peek.at(position, HEADER), 0);
    if (!box) return;
    yield { ...box, start: position, body: position + box.body, end: position + box.end };
    position += box.end;
  }
}

function* childBoxes(bytes: Uint8Array): Generator<Box> {
  let position = 0;
  while (true) {
    const box = boxAt(bytes, position);
    if (!box || box.end > bytes.byteLength) return;
    yield box;
    position = box.end;
  }
}

/** Null where no box can start: fewer bytes than a header has, or a size that is smaller than the header. */
function boxAt(bytes: Uint8Array, start: number): Box | null {
  if (start + 8 > bytes.byteLength) return null;
  const view = viewOf(bytes);
  const type = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
  const size = view.getUint32(start);
  if (size === 0) return { type, start, body: start + 8, end: Number.POSITIVE_INFINITY };
  if (size >= 8) return { type, start, body: start + 8, end: start + size };
  if (size !== 1 || start + HEADER > bytes.byteLength) return null;
  const large = Number(view.getBigUint64(start + 8));
  return large < HEADER ? null : { type, start, body: start + HEADER, end: start + large };
}

/** The id of a track whose sample table is not empty. */
function indexedId(moov: Uint8Array, trak: Box): number[] {
  const bytes = moov.subarray(trak.body, trak.end);
  const header = find(bytes, ['tkhd']);
  const table = find(bytes, ['mdia', 'minf', 'stbl']);
  if (!header || !table) return [];
  const sizes = find(table, ['stsz']) ?? find(table, ['stz2']);
  // Both kinds: version and flags, a size, the number of samples.
  if (!sizes || sizes.byteLength < 12 || viewOf(sizes).getUint32(8) === 0) return [];
  const at = header[0] === 1 ? 20 : 12;
  return header.byteLength < at + 4 ? [] : [viewOf(header).getUint32(at)];
}

function find(bytes: Uint8Array, [type, ...rest]: string[]): Uint8Array | null {
  if (type === undefined) return bytes;
  for (const box of childBoxes(bytes))
    if (box.type === type) return find(bytes.subarray(box.body, box.end), rest);
  return null;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);
