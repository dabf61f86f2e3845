import { basename, dirname } from 'node:path';
import type { EventLine } from '../../protocol/index.ts';
import { type OutputFile, OutputFiles } from '../host/output-files.ts';

/** Where event lines go: standard output as they come, or a file that appears when the run is done. */
export interface EventSink {
  write(lines: EventLine[]): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

export async function openEvents(target: string | undefined): Promise<EventSink> {
  if (target === undefined) return NOWHERE;
  return target === '-' ? STDOUT : EventFile.open(target);
}

const NOWHERE: EventSink = {
  write: async () => {},
  commit: async () => {},
  discard: async () => {},
};

const inLines = (lines: EventLine[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

const STDOUT: EventSink = {
  async write(lines) {
    if (process.stdout.write(inLines(lines))) return;
    await new Promise((resolve) => process.stdout.once('drain', resolve));
  },
  commit: async () => {},
  discard: async () => {},
};

class EventFile implements EventSink {
  readonly #files: OutputFiles;
  readonly #file: OutputFile;
  #position = 0;

  private constructor(files: OutputFiles, file: OutputFile) {
    this.#files = files;
    this.#file = file;
  }

  static async open(path: string): Promise<EventFile> {
    const files = new OutputFiles(dirname(path));
    return new EventFile(files, await files.create(basename(path)));
  }

  async write(lines: EventLine[]): Promise<void> {
    const bytes = Buffer.from(inLines(lines));
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.byteLength;
  }

  async commit(): Promise<void> {
    await this.#files.commit();
  }

  async discard(): Promise<void> {
    await this.#files.discard();
  }
}

/**
 * Lets each line through once though a job may be carried out twice (its browser died): source lines by source, frame
 * lines by number. What the cpu backend finds is the same both times.
 */
export class OnceOnly {
  #sources = new Set<string>();
  #frames = new Map<string, number>();

  filter(lines: EventLine[]): EventLine[] {
    return lines.filter((line) => {
      if (line.type === 'source') {
        if (this.#sources.has(line.source)) return false;
        this.#sources.add(line.source);
      } else if (line.type === 'frame') {
        if (line.frame <= (this.#frames.get(line.source) ?? -1)) return false;
        this.#frames.set(line.source, line.frame);
      }
      return true;
    });
  }
}
