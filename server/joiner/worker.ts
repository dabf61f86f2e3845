import { parentPort } from 'node:worker_threads';
import { CustomSource, type StreamTargetChunk } from 'mediabunny';
import {
  EdgeRunnerError,
  EVENTS_FILE,
  type FromJoiner,
  type JoinRequest,
  type JoinWork,
  type ToJoiner,
  type WrittenFile,
} from '../../protocol/index.ts';
import {
  BadSegmentError,
  joinEvents,
  joinSegments,
  joinSummaries,
  MediaSource,
  planJob,
  rangeOf,
  type SourceBytes,
} from '../../web/engine/index.ts';
import { PartUpload } from '../../web/node/part-upload.ts';

/**
 * Joins the segments of one source in a thread of its own: what nodes and origins have sent is read here, and a fault
 * in it ends this thread and nothing else. Bytes come and go through the thread of the server.
 */

/** Between two words of progress, milliseconds. */
const PROGRESS_MS = 250;

const port = parentPort!;
const say = (message: FromJoiner, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const waiting = new Map<number, { done(value: unknown): void; fail(error: unknown): void }>();
let asked = 0;

function ask<T>(request: JoinRequest, transfer: ArrayBuffer[] = []): Promise<T> {
  const id = asked++;
  return new Promise<T>((done, fail) => {
    waiting.set(id, { done: done as (value: unknown) => void, fail });
    say({ type: 'ask', id, request }, transfer);
  });
}

/** @param file its key in the store; null for the source. */
function bytesOf(file: string | null): SourceBytes {
  const size = () => ask<number | null>({ what: 'size', file });
  const read = (start: number, end: number) =>
    ask<Uint8Array<ArrayBuffer>>({ what: 'read', file, start, end });
  return {
    ...{ size, read },
    source: new CustomSource({
      getSize: async () => {
        const bytes = await size();
        if (bytes === null) throw new Error('nobody knows how long it is');
        return bytes;
      },
      read,
      prefetchProfile: 'fileSystem',
    }),
    loss: async () => null,
  };
}

port.on('message', (message: ToJoiner) => {
  if (message.type === 'start') {
    void run(message.work);
    return;
  }
  const one = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.type === 'answer') one?.done(message.value);
  else one?.fail(EdgeRunnerError.fromRecord(message.error));
});

async function run(work: JoinWork): Promise<void> {
  try {
    say(await join(work));
  } catch (error) {
    const segment = error instanceof BadSegmentError ? error.ordinal : null;
    say({ type: 'failed', error: EdgeRunnerError.from(error).toRecord(), segment });
  }
}

async function join({ spec, parts, began }: JoinWork): Promise<Extract<FromJoiner, { type: 'done' }>> {
  const [plan] = planJob(spec);
  const files: WrittenFile[] = [];
  const upload = (output: string, name: string) =>
    new PartUpload(output, name, async ({ index, sha256, bytes }) => {
      await ask({ what: 'write', output, name, index, sha256, bytes });
    });
  if (plan!.video) {
    const { spec: output } = plan!.video;
    const sound = await MediaSource.open('the source', bytesOf(null));
    let said = 0;
    try {
      const { indexAtEnd } = await joinSegments({
        host: {
          log: (message) => say({ type: 'log', message }),
          createFile: async (id, name): Promise<WritableStream<StreamTargetChunk>> =>
            upload(id, name).stream((file) => files.push(file)),
        },
        spec: output,
        segments: parts.map(({ segment }) => segment),
        openPart: async ({ ordinal }) => bytesOf(parts[ordinal]!.video),
        ...{ sound, range: rangeOf(plan!.source) },
        onFrame: (frames) => {
          if (performance.now() - said < PROGRESS_MS) return;
          said = performance.now();
          say({ type: 'progress', frames });
        },
        signal: new AbortController().signal,
      });
      for (const file of files) file.indexAtEnd = indexAtEnd;
    } finally {
      sound.dispose();
    }
  }
  const summary = () => joinSummaries(plan!.source.id, parts, (Date.now() - began) / 1000);
  const events = spec.outputs.find(({ kind }) => kind === 'events');
  if (events) {
    const file = upload(events.id, EVENTS_FILE);
    let position = 0;
    const emit = async (lines: object[]) => {
      const data = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      await file.write(data, position);
      position += data.byteLength;
    };
    await joinEvents(parts, async (place) => bytesOf(parts[place]!.events), emit);
    await emit([summary()]);
    files.push(await file.close());
  }
  return { type: 'done', files, outcome: { ...summary() } };
}
