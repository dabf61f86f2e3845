import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { unwritable } from '../host/output-files.ts';

/** Folders that a run makes for its outputs. Those that nothing came into go again: a refused run leaves none. */
export class MadeFolders {
  /** Outer ones before those within them. */
  readonly #made: string[] = [];

  /** Makes a folder and what it lies in, where they are missing. @throws {EdgeRunnerError} `output-unwritable` */
  async make(folder: string): Promise<void> {
    const missing: string[] = [];
    for (let path = resolve(folder); !(await stat(path).catch(() => null)); path = dirname(path))
      missing.unshift(path);
    // One by one: `recursive` does not end where a file system refuses with "not there", as /proc does.
    for (const path of missing) {
      await mkdir(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST')
          throw unwritable(folder, { code: error.code === 'ENOENT' ? 'EPERM' : error.code });
      });
      this.#made.push(path);
    }
  }

  /** Does `work` with folders that it may make. */
  static async during<T>(work: (folders: MadeFolders) => Promise<T>): Promise<T> {
    const folders = new MadeFolders();
    try {
      return await work(folders);
    } finally {
      await folders.#removeEmpty();
    }
  }

  async #removeEmpty(): Promise<void> {
    for (const path of this.#made.splice(0).reverse()) await rmdir(path).catch(() => {});
  }
}
