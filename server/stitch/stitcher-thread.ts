import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  EdgeRunnerError,
  type FromStitcher,
  type StitchRequest,
  type StitchWork,
  type ToStitcher,
} from '../../protocol/index.ts';

/** MiB of JavaScript's heap that joining may take: it holds the index of a file, and a few packets. */
const MOST_HEAP_MIB = 1_024;

export interface StitchThreadOptions {
  work: StitchWork;
  /** Does what the thread asks for. */
  serve(request: StitchRequest): Promise<number | null | Uint8Array<ArrayBuffer>>;
  onProgress(frames: number): void;
  onLog(message: string): void;
  signal: AbortSignal;
}

export type Joined = Extract<FromStitcher, { type: 'done' | 'failed' }>;

/** Joins segments in a thread of its own. @throws the signal's reason when aborted; the thread is gone then, as always. */
export async function stitchInThread({
  work,
  serve,
  onProgress,
  onLog,
  signal,
}: StitchThreadOptions): Promise<Joined> {
  signal.throwIfAborted();
  const thread = new Worker(threadFile(), {
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB },
  });
  const tell = (message: ToStitcher, transfer: ArrayBuffer[] = []) => thread.postMessage(message, transfer);
  let onAbort = () => {};
  try {
    return await new Promise<Joined>((done, fail) => {
      onAbort = () => fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      thread.on('error', (error) => fail(threadDied(error.message)));
      thread.on('exit', () => fail(threadDied('it ended')));
      thread.on('message', (message: FromStitcher) => {
        switch (message.type) {
          case 'ask':
            serve(message.request).then(
              (value) =>
                tell(
                  { type: 'answer', id: message.id, value },
                  value instanceof Uint8Array ? [value.buffer] : [],
                ),
              (error: unknown) =>
                tell({ type: 'refusal', id: message.id, error: EdgeRunnerError.from(error).toRecord() }),
            );
            break;
          case 'progress':
            onProgress(message.frames);
            break;
          case 'log':
            onLog(message.message);
            break;
          case 'done':
          case 'failed':
            done(message);
        }
      });
      tell({ type: 'start', work });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    await thread.terminate();
  }
}

const threadDied = (why: string) =>
  new EdgeRunnerError(
    'server-fault',
    `The thread that joins the segments died: ${why}.`,
    'It is tried again; look into the log of the server if it happens again.',
  );

/** Built beside the built command, or in `dist/` when the server runs from source. */
function threadFile(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, 'stitcher.js'), join(here, '../../dist/node/stitcher.js')].find(existsSync);
  if (found) return found;
  throw new EdgeRunnerError(
    'engine-fault',
    'edge-runner is not built.',
    'Run "npm run build" in the checkout, or install the package again.',
  );
}
