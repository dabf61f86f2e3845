import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EdgeRunnerError } from '../../protocol/index.ts';

/**
 * Files of one output folder, written beside their names and renamed when the job is done: a reader never sees half
 * of one, and a run that fails leaves none.
 */
export class OutputFiles {
  readonly #folder: string;
  #files: { part: string; path: string; handle: FileHandle | null }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws {EdgeRunnerError} `output-unwritable` */
  async create(name: string): Promise<OutputFile> {
    if (basename(name) !== name || name === '..' || name === '.') {
      throw new EdgeRunnerError('engine-fault', `"${name}" is no plain file name.`, 'Please report this.');
    }
    const path = join(this.#folder, name);
    if ((await stat(path).catch(() => null))?.isDirectory())
      throw unwritable(path, Object.assign(new Error(), { code: 'EISDIR' }));
    const part = join(this.#folder, `.${name}.${randomBytes(4).toString('hex')}.part`);
    const handle = await open(part, 'wx').catch((error: unknown) => {
      throw unwritable(path, error);
    });
    const entry = { part, path, handle: handle as FileHandle | null };
    this.#files.push(entry);
    return {
      part,
      write: async (data, position) => {
        try {
          // A short write is how a full disk first shows; the next one names it.
          for (let done = 0; done < data.byteLength; ) {
            done += (await handle.write(data, done, data.byteLength - done, position + done)).bytesWritten;
          }
        } catch (error) {
          throw writeFailed(entry.path, error);
        }
      },
      close: async () => {
        entry.handle = null;
        await handle.close();
      },
    };
  }

  /** Puts every file under its own name, in the order of creation reversed: a playlist comes after what it names. */
  async commit(): Promise<void> {
    this.#files.sort((a, b) => rank(a.path) - rank(b.path));
    for (const file of this.#files) {
      await file.handle?.close();
      file.handle = null;
    }
    while (this.#files.length > 0) {
      const { part, path } = this.#files[0]!;
      await rename(part, path).catch((error: unknown) => {
        throw writeFailed(path, error);
      });
      this.#files.shift();
    }
  }

  /** Deletes what was written. Safe after `commit`, when there is nothing left to delete. */
  async discard(): Promise<void> {
    for (const { part, handle } of this.#files.splice(0)) {
      await handle?.close().catch(() => {});
      await rm(part, { force: true });
    }
  }

  /** Whether there is one of that name, before `commit`. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Where the part of a finished file lies, before `commit`. */
  partOf(name: string): string {
    const file = this.#find(name);
    if (!file) throw new Error(`no file ${name} was written`);
    return file.part;
  }

  #find(name: string) {
    return this.#files.find(({ path }) => path === join(this.#folder, name));
  }
}

export interface OutputFile {
  readonly part: string;
  write(data: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

const rank = (path: string) => (path.endsWith('.m3u8') ? 1 : 0);

/** @param folder that must be there and be writable. */
export const unwritable = (path: string, error: unknown, folder = dirname(path)) =>
  new EdgeRunnerError(
    'output-unwritable',
    `${path} cannot be written: ${reasonOf(error)}.`,
    (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? `Make the folder ${folder} first.`
      : 'Give another name, or a folder that you may write in.',
    { cause: error },
  );

const writeFailed = (path: string, error: unknown) =>
  new EdgeRunnerError(
    'output-write',
    `Writing ${path} failed: ${reasonOf(error)}.`,
    'Make room on the disk or write elsewhere, then run again.',
    { cause: error },
  );

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const words: Record<string, string> = {
    ENOENT: 'the folder does not exist',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'part of the path is no folder',
    EISDIR: 'it is a folder',
    EEXIST: 'a file is in the way of the folder',
  };
  return (code && words[code]) || (error instanceof Error ? error.message : String(error));
}
