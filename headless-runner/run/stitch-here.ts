import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  EdgeRunnerError,
  type EventLine,
  PART_BYTES,
  type StitchRequest,
  type StitchWork,
  type SummaryEvent,
} from '../../protocol/index.ts';
import type { RandomBytes } from '../../server/stitch/source-bytes.ts';
import { stitchInThread } from '../../server/stitch/stitcher-thread.ts';
import type { OutputFile, OutputFiles } from '../host/output-files.ts';
import { FileSource } from '../host/served-source.ts';

export interface StitchHere {
  /** Its files are paths. */
  work: StitchWork;
  /** Where the sound is. */
  source: RandomBytes;
  /** Where a file of an output goes; the caller commits or discards it. */
  filesOf(output: string): OutputFiles;
  onLog(message: string): void;
  signal: AbortSignal;
}

export interface Stitched {
  summary: SummaryEvent;
  /** Outputs whose index should be moved to the front. */
  indexAtEnd: string[];
}

/** Event lines read and handed on at a time. */
const LINES = 256;

/**
 * Joins segments that lie in files here, in the thread in which a server does it.
 * @throws {EdgeRunnerError} `segment-short` for segments that are not what was planned; `segments-unequal`;
 *   `output-write`; the signal's reason when aborted.
 */
export async function stitchHere({ work, source, filesOf, onLog, signal }: StitchHere): Promise<Stitched> {
  const paths = [work.sound, ...work.parts.flatMap(({ video, events }) => [video, events])].filter(
    (path) => path !== null,
  );
  const read = new Map<string | null, RandomBytes>([[null, source]]);
  const parts = paths.map((path) => new FileSource(path));
  for (const [i, path] of paths.entries()) read.set(path, parts[i]!);
  const written = new Map<string, Promise<OutputFile>>();
  const serve = async (request: StitchRequest): Promise<number | null | Uint8Array<ArrayBuffer>> => {
    if (request.what === 'write') {
      const { output, name, index, bytes } = request;
      // Two parts may come at once.
      const file = written.get(name) ?? filesOf(output).create(name);
      written.set(name, file);
      await (await file).write(bytes, index * PART_BYTES);
      return null;
    }
    const bytes = read.get(request.file);
    if (!bytes) throw new Error('a segment has no such file');
    return request.what === 'size'
      ? bytes.size()
      : new Uint8Array(await bytes.read(request.start, request.end));
  };
  try {
    const joined = await stitchInThread({ work, serve, onProgress: () => {}, onLog, signal });
    if (joined.type === 'failed') throw EdgeRunnerError.fromRecord(joined.error);
    for (const file of written.values()) await (await file).close();
    return {
      summary: joined.outcome as unknown as SummaryEvent,
      indexAtEnd: joined.files.flatMap(({ output, indexAtEnd }) => (indexAtEnd ? [output] : [])),
    };
  } finally {
    await Promise.all(parts.map((part) => part.close()));
  }
}

/** Hands on the lines of a file of events, a few at a time. */
export async function readEventLines(
  path: string,
  take: (lines: EventLine[]) => Promise<void>,
): Promise<void> {
  let lines: EventLine[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line === '') continue;
    lines.push(JSON.parse(line) as EventLine);
    if (lines.length < LINES) continue;
    await take(lines);
    lines = [];
  }
  await take(lines);
}
