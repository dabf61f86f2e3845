import type { EventLine } from '../../protocol/index.ts';
import { TextFile } from './text-file.ts';

/** Where event lines go: standard output as they come, or a file that appears when the run is done. */
export interface EventSink {
  write(lines: EventLine[]): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

export async function openEvents(target: string | undefined): Promise<EventSink> {
  if (target === undefined) return NOWHERE;
  if (target === '-') return STDOUT;
  const file = await TextFile.open(target);
  return {
    write: (lines) => file.write(inLines(lines)),
    commit: () => file.commit(),
    discard: () => file.discard(),
  };
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
