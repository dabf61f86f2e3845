import type { SourceBytes } from '../engine/index.ts';

/** Bytes asked for at a time: a few frames, or the index of a long video in a few requests. */
const BLOCK = 1 << 18;
/** Blocks kept: what is looked at here and there does not drive out where the frames are read. */
const MOST_BLOCKS = 24;

/**
 * Reads a part of a source in blocks of one size, the next one while one is used, so that hardly more of it is asked
 * for than is read.
 */
export class BlockReader implements Pick<SourceBytes, 'read' | 'size'> {
  readonly #source: Pick<SourceBytes, 'read' | 'size'>;
  /** By number, the one used last at the end. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>();

  constructor(source: Pick<SourceBytes, 'read' | 'size'>) {
    this.#source = source;
  }

  size(): Promise<number | null> {
    return this.#source.size();
  }

  /** @returns fewer bytes where the source ends before, or breaks off. */
  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start);
    const [first, last] = [Math.floor(start / BLOCK), Math.floor((end - 1) / BLOCK)];
    // Whoever has read the one before goes on to the one after.
    const goesOn = this.#blocks.has(first - 1);
    const blocks = Array.from({ length: last - first + 1 }, (_, i) => this.#block(first + i));
    // The first that fails is met below; of the others nobody need hear.
    for (const block of blocks) block.catch(() => {});
    if (goesOn && (await this.#reaches(last + 1))) this.#block(last + 1).catch(() => {});
    let filled = 0;
    for (const [i, loading] of blocks.entries()) {
      const block = await loading;
      const from = i === 0 ? start - first * BLOCK : 0;
      const piece = block.subarray(from, from + bytes.byteLength - filled);
      bytes.set(piece, filled);
      filled += piece.byteLength;
      if (block.byteLength < BLOCK) break;
    }
    return bytes.subarray(0, filled);
  }

  /** Whether the source goes on so many bytes into a block. */
  async #reaches(block: number, bytes = 0): Promise<boolean> {
    const size = await this.size();
    return size !== null && block * BLOCK + bytes < size;
  }

  #block(number: number): Promise<Uint8Array> {
    const block = this.#blocks.get(number) ?? this.#load(number);
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }

  /** One that fails, or comes short, is not kept: it may be had another time. */
  async #load(number: number): Promise<Uint8Array> {
    try {
      const bytes = await this.#source.read(number * BLOCK, (number + 1) * BLOCK);
      if (bytes.byteLength < BLOCK && (await this.#reaches(number, bytes.byteLength)))
        this.#blocks.delete(number);
      return bytes;
    } catch (error) {
      this.#blocks.delete(number);
      throw error;
    }
  }
}
