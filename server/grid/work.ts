import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import {
  EdgeRunnerError,
  type JobSpec,
  PART_BYTES,
  type Work,
  type WrittenFile,
} from '../../protocol/index.ts';
import type { Part } from '../blobs/store.ts';
import type { NewAttempt } from '../store/claims.ts';
import { onlySource, passesOf } from './planner.ts';

/** What a node gets to see of an attempt: no address, no header, no name of an upload. */
export function workOf(
  { job, task, kind, source, segment, needs, spec }: NewAttempt,
  sources: Record<string, string>,
): Work {
  if (kind === 'stitch' || kind === 'follow') throw new Error('a node was chosen for what servers do');
  const part = onlySource(spec, source);
  return {
    ...{ job, task, kind, segment, sources },
    finds: kind === 'process' && segment !== null && passesOf(spec, source) !== 'once',
    spec: {
      ...part,
      sources: part.sources.map(withoutOrigin),
      outputs: part.outputs.map((output) =>
        // Chosen for all segments where the job names none.
        output.kind === 'video' && segment && needs.encode ? { ...output, codec: needs.encode } : output,
      ),
    },
  };
}

function withoutOrigin(source: JobSpec['sources'][number]): JobSpec['sources'][number] {
  switch (source.kind) {
    case 'upload': {
      const { upload: _, ...rest } = source;
      return rest;
    }
    case 'snapshots': {
      const { uploads: _, ...rest } = source;
      return rest;
    }
    case 'http': {
      const { url, headers: _, kind: __, ...rest } = source;
      const { pathname, hostname } = new URL(url);
      return { ...rest, kind: 'upload', name: basename(decode(pathname)) || hostname };
    }
    case 'pattern':
    case 'street':
      return source;
  }
}

/** Where a file of an attempt lies in the blob store: its own names are not for a path. */
export const attemptKey = (job: string, attempt: string, output: string, name: string): string =>
  `jobs/${job}/${attempt}/${createHash('sha256').update(`${output}\n${name}`).digest('hex').slice(0, 32)}`;

/** The parts that a file must have. @throws {EdgeRunnerError} `digest-mismatch` when it says otherwise. */
export function partsOf({ name, bytes, parts }: WrittenFile): Part[] {
  const count = Math.max(1, Math.ceil(bytes / PART_BYTES));
  if (parts.length !== count)
    throw new EdgeRunnerError(
      'digest-mismatch',
      `${name} of ${bytes} bytes has ${count} parts, not ${parts.length}.`,
      'This is a fault of the node: update edge-runner there.',
    );
  return parts.map((sha256, index) => ({
    ...{ index, sha256 },
    bytes: index < count - 1 ? PART_BYTES : bytes - (count - 1) * PART_BYTES,
  }));
}

/** An address may hold escapes that stand for nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
