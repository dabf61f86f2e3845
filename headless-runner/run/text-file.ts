import { basename, dirname } from 'node:path';
import { type OutputFile, OutputFiles } from '../host/output-files.ts';

/** A text file that appears under its name only when the run is done. */
export class TextFile {
  readonly #files: OutputFiles;
  readonly #file: OutputFile;
  #position = 0;

  private constructor(files: OutputFiles, file: OutputFile) {
    this.#files = files;
    this.#file = file;
  }

  /** @throws {EdgeRunnerError} `output-unwritable`, before any work is done */
  static async open(path: string): Promise<TextFile> {
    const files = new OutputFiles(dirname(path));
    return new TextFile(files, await files.create(basename(path)));
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.byteLength;
  }

  async commit(): Promise<void> {
    await this.#files.commit();
  }

  /** Safe after `commit`, when there is nothing left to delete. */
  async discard(): Promise<void> {
    await this.#files.discard();
  }
}
