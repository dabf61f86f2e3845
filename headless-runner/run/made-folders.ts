import { rmdir } from 'node:fs/promises';
import { makeFolder } from '../../models/store/index.ts';
import { unwritable } from '../host/output-files.ts';

/** Folders that a run makes for its outputs. Those that nothing came into go again: a refused run leaves none. */
export class MadeFolders {
  /** Outer ones before those within them. */
  readonly #made: string[] = [];

  /** Makes a folder and what it lies in, where they are missing. @throws {EdgeRunnerError} `output-unwritable` */
  async make(folder: string): Promise<void> {
    await makeFolder(folder, undefined, (path) => this.#made.push(path)).catch((error: unknown) => {
      throw unwritable(folder, error);
    });
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
