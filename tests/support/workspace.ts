import { access, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A folder for the clips and outputs of one test file; it goes when the file's tests are done. */
export class Workspace {
  #path = '';
  #count = 0;

  get path(): string {
    return this.#path;
  }

  at(name: string): string {
    return join(this.#path, name);
  }

  /** A new path for an output. */
  output(extension: string): string {
    this.#count++;
    return this.at(`out-${this.#count}${extension}`);
  }

  /** A path in a new folder of its own. */
  async inFolder(name: string): Promise<string> {
    this.#count++;
    const folder = this.at(`folder-${this.#count}`);
    await mkdir(folder);
    return join(folder, name);
  }

  async has(path: string): Promise<boolean> {
    return access(path).then(
      () => true,
      () => false,
    );
  }

  /** Parts that a run left beside its output. */
  async parts(folder = this.#path): Promise<string[]> {
    return (await readdir(folder)).filter((name) => /\.part(\.|$)|\.front$/.test(name));
  }

  static use(): Workspace {
    const workspace = new Workspace();
    beforeAll(async () => {
      workspace.#path = await mkdtemp(join(tmpdir(), 'test-files-'));
    });
    afterAll(async () => {
      await rm(workspace.#path, { recursive: true, force: true });
    });
    return workspace;
  }
}
