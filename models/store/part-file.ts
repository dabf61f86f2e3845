import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';

const noteSchema = z.object({ url: z.string(), validator: z.string().nullable() });

/** What must still hold for the bytes of a part to be gone on with. */
export type PartNote = z.infer<typeof noteSchema>;

/**
 * The unfinished download of `target`. Between downloads it lies at `<target>.part`; while one writes to it, it has a
 * name of its own, taken by a rename, which only one process can win: two never write to the same file, and a
 * process that was killed leaves a part that the next one adopts.
 */
export class PartFile {
  readonly path: string;
  readonly #target: string;
  #handle: FileHandle;
  received: number;

  private constructor(target: string, path: string, handle: FileHandle, received: number) {
    this.#target = target;
    this.path = path;
    this.#handle = handle;
    this.received = received;
  }

  /** Takes up what an earlier download of this URL left, or begins anew. */
  static async claim(target: string, url: string): Promise<{ part: PartFile; note: PartNote | null }> {
    const path = `${target}.${process.pid}.${randomBytes(4).toString('hex')}.part`;
    for (const left of await leftovers(target)) {
      const taken = await rename(left, path).then(
        () => true,
        () => false,
      );
      if (!taken) continue;
      await rename(noteOf(left), noteOf(path)).catch(() => {});
      break;
    }
    const found = await readNote(path);
    const note = found?.url === url ? found : null;
    const handle = await open(path, note ? 'r+' : 'w');
    const received = note ? (await stat(path)).size : 0;
    return { part: new PartFile(target, path, handle, received), note };
  }

  async append(chunk: Uint8Array): Promise<void> {
    let written = 0;
    // A write to a nearly full disk may take only a part of what it is given.
    while (written < chunk.length) {
      const rest = chunk.length - written;
      const { bytesWritten } = await this.#handle.write(chunk, written, rest, this.received);
      written += bytesWritten;
      this.received += bytesWritten;
    }
  }

  async restart(note: PartNote): Promise<void> {
    await this.#handle.truncate(0);
    this.received = 0;
    await writeFile(noteOf(this.path), JSON.stringify(note));
  }

  /** On the disk, so that a rename after it can only ever show a whole file. */
  async flush(): Promise<void> {
    await this.#handle.sync();
  }

  async finish(): Promise<void> {
    await this.#handle.close();
    await rename(this.path, this.#target);
    await rm(noteOf(this.path), { force: true });
  }

  /** Left for a later download to go on with. */
  async release(): Promise<void> {
    if (this.received === 0) return this.discard();
    await this.#handle.close();
    const resting = `${this.#target}.part`;
    await rename(noteOf(this.path), noteOf(resting)).catch(() => {});
    await rename(this.path, resting);
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.path, { force: true });
    await rm(noteOf(this.path), { force: true });
  }
}

const noteOf = (part: string) => `${part}.json`;

async function readNote(path: string): Promise<PartNote | null> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(noteOf(path), 'utf8')));
  } catch {
    return null;
  }
}

/** The resting part, and those whose process is gone. */
async function leftovers(target: string): Promise<string[]> {
  const folder = dirname(target);
  const prefix = `${basename(target)}.`;
  const names = await readdir(folder);
  return names
    .filter((name) => {
      if (!name.startsWith(prefix) || !name.endsWith('.part')) return false;
      const owner = /^(\d+)\.[0-9a-f]{8}\.part$/.exec(name.slice(prefix.length));
      return owner ? !isAlive(Number(owner[1])) : name === `${prefix}part`;
    })
    .map((name) => join(folder, name));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
