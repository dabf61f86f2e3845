import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { EdgeRunnerError, PART_BYTES } from '../../protocol/index.ts';
import {
  checkKey,
  checkPart,
  checkParts,
  checkRange,
  conflict,
  isSame,
  mismatch,
  missing,
  notFound,
} from './checks.ts';
import { entryOf, placeOnce, syncFolder, takeOver, unlessAbsent, writeChecked } from './on-disk.ts';
import type { BlobStore, Part } from './store.ts';

/** What is still written. Like every name with a dot, it can be no word of a key. */
const INCOMING = '.incoming';
/** After so long what another machine's server was writing is given up, milliseconds. */
const GIVEN_UP = 86_400_000;

/** How a complete file lies there. */
interface Layout {
  bytes: number;
  /** Of all its parts but the last. */
  partBytes: number;
}

/** Read from a file at a time: few turns of the event loop for a video, little memory for one reader of many. */
const READ_BYTES = 1 << 18;

/**
 * Files in a folder, which several servers may share. A part is `<key>/part.<index>/<sha256>`; a complete file has a
 * mark, `<key>/complete.mark/<bytes>.<bytes of a part>`. Both are folders with one entry, made beside
 * and renamed, so that the first stays and its digest is known without reading it again. Nothing is copied when a file
 * is completed; reading goes across the parts.
 */
export class FolderBlobStore implements BlobStore {
  readonly name: string;
  readonly origin = null;
  readonly partTarget = null;
  readonly #root: string;
  readonly #incoming: string;

  private constructor(root: string, incoming: string) {
    this.name = root;
    this.#root = root;
    this.#incoming = incoming;
  }

  /** Removes what servers that are no more were still writing. @throws {EdgeRunnerError} `data-unusable` */
  static async open(folder: string): Promise<FolderBlobStore> {
    const root = resolve(folder);
    const incoming = join(root, INCOMING);
    const own = `${encodeURIComponent(hostname())}.${process.pid}.${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(join(incoming, own), { recursive: true, mode: 0o700 });
      openHere.add(own);
      for (const name of await readdir(incoming))
        if (await isLeft(join(incoming, name), name))
          await rm(join(incoming, name), { recursive: true, force: true });
    } catch (error) {
      throw new EdgeRunnerError(
        'data-unusable',
        `Files cannot be kept in ${folder}: ${(error as Error).message}.`,
        'Give the server a folder that it may write in, with --data.',
        { cause: error },
      );
    }
    return new FolderBlobStore(root, join(incoming, own));
  }

  async writePart(key: string, part: Part, body: Readable): Promise<void> {
    checkKey(key);
    checkPart(part);
    await this.#beside(async (folder) => {
      await writeChecked(join(folder, part.sha256), part, body);
      const place = this.#part(key, part.index);
      if (!(await placeOnce(folder, place)) && (await entryOf(place)) !== part.sha256)
        throw conflict(`Part ${part.index} of ${key} is there with other bytes.`);
    });
  }

  async complete(key: string, parts: readonly Part[]): Promise<void> {
    checkKey(key);
    const bytes = checkParts(parts);
    for (const part of parts) {
      const there = await stat(join(this.#part(key, part.index), part.sha256)).catch(unlessAbsent);
      if (there?.size !== part.bytes) throw missing(key, part);
    }
    if (!(await this.#mark(key, { bytes, partBytes: PART_BYTES })))
      throw mismatch(`${key} was completed with other parts.`);
  }

  async adopt(key: string, path: string): Promise<void> {
    checkKey(key);
    const { size } = await stat(path);
    const place = this.#part(key, 0);
    await this.#beside(async (folder) => {
      await takeOver(path, join(folder, 'whole'));
      if (await placeOnce(folder, place)) return;
      // Taken over already, by a server that stopped before it could say so.
      const kept = join(place, (await entryOf(place)) ?? '');
      const { size: bytes } = await stat(kept);
      if (!(await isSame(path, { bytes, read: async () => createReadStream(kept) })))
        throw conflict(`${key} is there with other bytes.`);
    });
    if (!(await this.#mark(key, { bytes: size, partBytes: Math.max(size, 1) })))
      throw conflict(`${key} is there with other bytes.`);
    await rm(path, { force: true });
  }

  async read(key: string, start: number, end: number): Promise<Readable> {
    const layout = await this.#layout(key);
    checkRange(start, end, layout.bytes);
    return Readable.from(this.#bytes(key, layout, start, end), { objectMode: false });
  }

  async size(key: string): Promise<number> {
    return (await this.#layout(key)).bytes;
  }

  async remove(prefix: string): Promise<void> {
    checkKey(prefix);
    // Out of the way at once, so that nobody finds half of it.
    await this.#beside((folder) =>
      rename(join(this.#root, prefix), join(folder, 'removed')).catch(unlessAbsent),
    );
  }

  async close(): Promise<void> {
    await rm(this.#incoming, { recursive: true, force: true });
    openHere.delete(basename(this.#incoming));
  }

  #part(key: string, index: number): string {
    return join(this.#root, key, `part.${index}`);
  }

  /** @returns false where it was completed otherwise before. */
  async #mark(key: string, { bytes, partBytes }: Layout): Promise<boolean> {
    const own = `${bytes}.${partBytes}`;
    const place = join(this.#root, key, 'complete.mark');
    const isOurs = await this.#beside(async (folder) => {
      await writeFile(join(folder, own), '');
      return (await placeOnce(folder, place)) || (await entryOf(place)) === own;
    });
    // Whoever hears that a file is complete forgets its parts: a power cut must not take their names.
    const words = key.split('/');
    for (let depth = words.length; depth >= 0; depth--)
      await syncFolder(join(this.#root, ...words.slice(0, depth)));
    return isOurs;
  }

  async #layout(key: string): Promise<Layout> {
    checkKey(key);
    const mark = await entryOf(join(this.#root, key, 'complete.mark'));
    if (mark === null) throw notFound(key);
    const [bytes, partBytes] = mark.split('.').map(Number);
    return { bytes: bytes!, partBytes: partBytes! };
  }

  async *#bytes(key: string, { partBytes }: Layout, start: number, end: number): AsyncGenerator<Buffer> {
    for (let index = Math.floor(start / partBytes); index * partBytes < end; index++) {
      const folder = this.#part(key, index);
      const entry = await entryOf(folder);
      if (entry === null) throw notFound(key);
      const first = index * partBytes;
      yield* createReadStream(join(folder, entry), {
        start: Math.max(start - first, 0),
        end: Math.min(end - first, partBytes) - 1,
        highWaterMark: READ_BYTES,
      });
    }
  }

  /** Works in a folder of its own, which is gone afterwards whatever happens. */
  async #beside<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.#incoming, randomBytes(12).toString('hex'));
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return await work(folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
      throw new EdgeRunnerError(
        'disk-full',
        `There is no room left in ${this.#root}.`,
        'Make room there, or give the server another folder with --data; what was sent is sent again.',
        { cause: error },
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Stores that this process has open, by the names of their folders in {@link INCOMING}. */
const openHere = new Set<string>();

/** Whether nobody writes in this folder any more. */
async function isLeft(path: string, name: string): Promise<boolean> {
  const [, host, pid] = /^(.+)\.(\d+)\.[0-9a-f]{12}$/.exec(name) ?? [];
  if (host !== encodeURIComponent(hostname())) {
    const there = await stat(path).catch(unlessAbsent);
    return there !== undefined && Date.now() - there.mtimeMs > GIVEN_UP;
  }
  // A container starts again under the same host name and the same process id.
  if (Number(pid) === process.pid) return !openHere.has(name);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
