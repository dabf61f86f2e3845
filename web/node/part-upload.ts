import type { StreamTargetChunk } from 'mediabunny';
import { EdgeRunnerError, PART_BYTES, type WrittenFile } from '../../protocol/index.ts';
import { sha256 } from './sha256.ts';

/** Parts under way at a time: the next one is filled while one is sent. */
const AT_A_TIME = 2;
/** Memory of a part at first. */
const FIRST_BYTES = 1 << 16;

export interface SentPart {
  index: number;
  bytes: Uint8Array<ArrayBuffer>;
  /** Hex. */
  sha256: string;
}

/**
 * A file of an output that is sent while it is written, in parts of `PART_BYTES`: a part goes as soon as all its bytes
 * are there. The first one waits until the end, since containers come back to their heads, and so does one with a gap,
 * which somebody means to fill. In memory are those and the part being written, however long the file.
 */
export class PartUpload {
  readonly #output: string;
  readonly #name: string;
  readonly #send: (part: SentPart) => Promise<void>;
  readonly #open = new Map<number, Part>();
  readonly #digests: string[] = [];
  readonly #sending = new Set<Promise<void>>();
  #size = 0;
  #error: unknown = null;

  constructor(output: string, name: string, send: (part: SentPart) => Promise<void>) {
    this.#output = output;
    this.#name = name;
    this.#send = send;
  }

  /**
   * The promise is back-pressure.
   * @param closing hears when all is written, and the last of it is yet to be sent.
   */
  stream(done: (file: WrittenFile) => void, closing = () => {}): WritableStream<StreamTargetChunk> {
    return new WritableStream<StreamTargetChunk>({
      write: ({ data, position }) => this.write(data, position),
      close: async () => {
        closing();
        done(await this.close());
      },
    });
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    this.#size = Math.max(this.#size, position + data.byteLength);
    for (let done = 0; done < data.byteLength; ) {
      const at = position + done;
      const index = Math.floor(at / PART_BYTES);
      const from = at - index * PART_BYTES;
      const piece = data.subarray(done, done + PART_BYTES - from);
      const part = this.#partAt(index);
      part.write(piece, from);
      done += piece.byteLength;
      if (index > 0 && part.isFull) await this.#dispatch(index, PART_BYTES);
    }
    if (this.#error) throw this.#error;
  }

  async close(): Promise<WrittenFile> {
    const last = Math.max(0, Math.ceil(this.#size / PART_BYTES) - 1);
    for (let index = 0; index <= last; index++) {
      if (this.#digests[index] !== undefined) continue;
      this.#partAt(index);
      await this.#dispatch(index, index === last ? this.#size - last * PART_BYTES : PART_BYTES);
    }
    await Promise.all(this.#sending);
    if (this.#error) throw this.#error;
    return {
      ...{ output: this.#output, name: this.#name, bytes: this.#size, parts: this.#digests },
      indexAtEnd: false,
    };
  }

  #partAt(index: number): Part {
    if (this.#digests[index] !== undefined)
      throw new EdgeRunnerError(
        'engine-fault',
        `${this.#name} was written again where it had been sent already.`,
        'Please report this.',
      );
    const part = this.#open.get(index) ?? new Part();
    this.#open.set(index, part);
    return part;
  }

  async #dispatch(index: number, length: number): Promise<void> {
    const bytes = this.#open.get(index)!.bytes(length);
    this.#open.delete(index);
    // Kept before it is known, so that nobody writes there any more.
    this.#digests[index] = '';
    this.#digests[index] = await sha256(bytes);
    while (this.#sending.size >= AT_A_TIME) await Promise.race(this.#sending);
    const sending: Promise<void> = this.#send({ index, bytes, sha256: this.#digests[index] })
      .catch((error: unknown) => {
        this.#error ??= error;
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }
}

/** The bytes of one part, and which of them are there. */
class Part {
  /** Grows: a map of a frame is far smaller than a part, and there is one for every frame. */
  #bytes = new Uint8Array(FIRST_BYTES);
  /** `[start, end)`, in order, apart from each other. */
  #written: [number, number][] = [];

  get isFull(): boolean {
    const [first] = this.#written;
    return first !== undefined && first[0] === 0 && first[1] === PART_BYTES;
  }

  write(data: Uint8Array, at: number): void {
    this.#reserve(at + data.byteLength);
    this.#bytes.set(data, at);
    let [start, end] = [at, at + data.byteLength];
    const apart = this.#written.filter(([from, to]) => {
      if (to < start || from > end) return true;
      [start, end] = [Math.min(start, from), Math.max(end, to)];
      return false;
    });
    this.#written = [...apart, [start, end] as [number, number]].sort((a, b) => a[0] - b[0]);
  }

  /** What nobody wrote is zero, as in a file. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    this.#reserve(length);
    return this.#bytes.subarray(0, length);
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.min(PART_BYTES, Math.max(length, 2 * this.#bytes.byteLength)));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
