import type { Source } from 'mediabunny';
import type { SourceBytes } from '../host.ts';
import { BytePeek } from './byte-peek.ts';
import { type Movie, missingBytes, readMovie } from './isobmff.ts';
import { findCut, type MatroskaCut } from './matroska.ts';
import { patchedSource } from './patched-source.ts';

type Family = { name: 'isobmff' | 'matroska' | 'other' } | { name: 'mpeg-ts'; packet: number };

/** Boxes of an MP4 that are looked at when nothing seems to be missing. */
const A_FEW_BOXES = 256;

/**
 * What is read of a container beside its demuxer: where samples lie that the demuxer does not come to, and whether
 * the file goes on as far as it says.
 */
export class ContainerBytes {
  /** The index of an MP4. */
  readonly movie: Movie | null;
  readonly #bytes: SourceBytes;
  readonly #peek: BytePeek;
  readonly #family: Family;
  /** `undefined` while the source's size is not known. */
  #cut: MatroskaCut | null | undefined;

  private constructor(fields: {
    bytes: SourceBytes;
    peek: BytePeek;
    family: Family;
    movie: Movie | null;
  }) {
    this.movie = fields.movie;
    this.#bytes = fields.bytes;
    this.#peek = fields.peek;
    this.#family = fields.family;
    this.#cut = fields.family.name === 'matroska' ? undefined : null;
  }

  static async open(bytes: SourceBytes): Promise<ContainerBytes> {
    const peek = new BytePeek(bytes.read);
    const family = familyOf(await peek.at(0, 256));
    const movie = family.name === 'isobmff' ? await readMovie(peek) : null;
    const container = new ContainerBytes({ bytes, peek, family, movie });
    await container.#findCut();
    return container;
  }

  /** The bytes as the demuxer is to see them. */
  get source(): Source {
    return this.#cut ? this.#patched(this.#cut) : this.#bytes.source;
  }

  /** Whether the container's index lists only the first of this track's samples, and fragments have the others. */
  goesOn(track: number): boolean {
    return this.movie?.fragmented === true && this.movie.indexed.has(track);
  }

  /** An MP4 without its index, which the demuxer would read instead of the fragments. Waits until all has come. */
  async fragments(): Promise<Source> {
    const hidden = new TextEncoder().encode('free');
    return patchedSource(this.#bytes.read, await this.#wholeSize(), [
      { position: this.movie!.position + 4, bytes: hidden },
    ]);
  }

  /** For a stream that has ended by now: what `source` would have been, had it been known that it was cut. */
  async lateSource(): Promise<Source | null> {
    if (this.#cut !== undefined) return null;
    await this.#findCut();
    return this.#cut ? this.#patched(this.#cut) : null;
  }

  /**
   * What is missing at the end, in words; null when nothing is, or nobody can tell.
   * @param search `thorough` where there is reason to think that something is.
   */
  async loss(search: 'quick' | 'thorough'): Promise<string | null> {
    const size = await this.#bytes.size();
    if (size === null) return null;
    switch (this.#family.name) {
      case 'isobmff': {
        const boxes = search === 'quick' ? A_FEW_BOXES : Number.POSITIVE_INFINITY;
        const missing = await missingBytes(this.#peek, size, boxes);
        return missing > 0 ? cutBy(missing) : null;
      }
      case 'matroska':
        await this.#findCut();
        return this.#cut ? cutBy(this.#cut.missing) : null;
      case 'mpeg-ts': {
        const rest = size % this.#family.packet;
        return rest > 0 ? `the file was cut inside its last packet, ${rest} bytes into it` : null;
      }
      case 'other':
        return null;
    }
  }

  /** Whether this is a transport stream, which may be cut inside one of its packets of fixed length. */
  get hasPackets(): boolean {
    return this.#family.name === 'mpeg-ts';
  }

  /** Whether a transport stream was cut inside one of its packets. Asked after the last of them was read. */
  async endsInPacket(): Promise<boolean> {
    const size = this.#family.name === 'mpeg-ts' ? await this.#bytes.size() : null;
    return this.#family.name === 'mpeg-ts' && size !== null && size % this.#family.packet > 0;
  }

  async #findCut(): Promise<void> {
    if (this.#cut !== undefined) return;
    const size = await this.#bytes.size();
    if (size !== null) this.#cut = await findCut(this.#bytes.read, this.#peek, size);
  }

  #patched({ size, patches }: MatroskaCut): Source {
    return patchedSource(this.#bytes.read, size, patches);
  }

  async #wholeSize(): Promise<number> {
    const size = await this.#bytes.size();
    if (size !== null) return size;
    // What lies beyond every end is waited for until the end is there.
    await this.#bytes.read(Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER);
    return (await this.#bytes.size()) ?? 0;
  }
}

const cutBy = (missing: number) => `the file was cut: its last ${missing} bytes are missing`;

/** By the first bytes. A transport stream repeats its sync byte; Blu-ray's kind has a time of 4 bytes before each. */
function familyOf(head: Uint8Array): Family {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.byteLength >= 4 && view.getUint32(0) === 0x1a45dfa3) return { name: 'matroska' };
  if (head[0] === 0x47 && head[188] === 0x47) return { name: 'mpeg-ts', packet: 188 };
  if (head[4] === 0x47 && head[196] === 0x47) return { name: 'mpeg-ts', packet: 192 };
  const box = String.fromCharCode(...head.subarray(4, 8));
  return { name: /^(ftyp|moov|mdat|free|skip|wide)$/.test(box) ? 'isobmff' : 'other' };
}
