/** What is read at a time, unless more is asked for: a few neighbouring headers in one request. */
const SPAN = 4096;

export type ReadBytes = (start: number, end: number) => Promise<Uint8Array>;

/** Looks at a source here and there. Headers lie close together, so what was read around the last one is kept. */
export class BytePeek {
  readonly #read: ReadBytes;
  #start = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Bytes from `position` on, at most `length`; fewer at the end of the source. */
  async at(position: number, length: number): Promise<Uint8Array> {
    // A whole index is looked at once.
    if (length > SPAN) return this.#read(position, position + length);
    const end = this.#start + this.#bytes.byteLength;
    if (position < this.#start || position + length > end) {
      const bytes = await this.#read(position, position + SPAN);
      this.#bytes = bytes;
      this.#start = position;
    }
    const from = position - this.#start;
    return this.#bytes.subarray(from, from + length);
  }
}
