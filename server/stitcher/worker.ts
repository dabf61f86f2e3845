import { parentPort } from 'node:worker_threads';
import { CustomSource } from 'mediabunny';
import {
  EdgeRunnerError,
  EVENTS_FILE,
  type EventLine,
  FOUND_OUTPUT,
  type FrameEvent,
  type FromStitcher,
  MOST_READ_BYTES,
  type StitchPart,
  type StitchRequest,
  type StitchWork,
  type SummaryEvent,
  type ToStitcher,
  tracksFile,
  type VideoOutputSpec,
  type WrittenFile,
} from '../../protocol/index.ts';
import {
  BadSegmentError,
  holdsAudio,
  type JoinOptions,
  joinEvents,
  joinSegments,
  joinSummaries,
  MediaSource,
  planJob,
  type Range,
  rangeOf,
  SegmentFollower,
  SoundFile,
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
const say = (message: FromStitcher, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const waiting = new Map<number, { done(value: unknown): void; fail(error: unknown): void }>();
let asked = 0;

function ask<T>(request: StitchRequest, transfer: ArrayBuffer[] = []): Promise<T> {
  const id = asked++;
  return new Promise<T>((done, fail) => {
    waiting.set(id, { done: done as (value: unknown) => void, fail });
    say({ type: 'ask', id, request }, transfer);
  });
}

/**
 * @param file its key in the store; null for the source.
 * @param refuse what a read of too many bytes fails with: who wrote the file says that it has packets of that size.
 */
function bytesOf(file: string | null, refuse: (what: string) => EdgeRunnerError): SourceBytes {
  const size = () => ask<number | null>({ what: 'size', file });
  const read = (start: number, end: number) => {
    if (end - start > MOST_READ_BYTES) throw refuse(`it has a packet of ${end - start} bytes`);
    return ask<Uint8Array<ArrayBuffer>>({ what: 'read', file, start, end });
  };
  return {
    size,
    read: async (start, end) => read(start, end),
    source: new CustomSource({
      getSize: async () => {
        const bytes = await size();
        if (bytes === null) throw new Error('nobody knows how long it is');
        return bytes;
      },
      read: async (start, end) => read(start, end),
      // Each read is a question to another thread, and to a store.
      prefetchProfile: 'network',
    }),
    loss: async () => null,
  };
}

port.on('message', (message: ToStitcher) => {
  if (message.type === 'start') {
    void run(message.work);
    return;
  }
  const one = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.type === 'answer') one?.done(message.value);
  else one?.fail(EdgeRunnerError.fromRecord(message.error));
});

async function run(work: StitchWork): Promise<void> {
  try {
    say(await carryOut(work));
  } catch (error) {
    const segment = error instanceof BadSegmentError ? error.ordinal : null;
    say({ type: 'failed', error: EdgeRunnerError.from(error).toRecord(), segment });
  }
}

async function carryOut(work: StitchWork): Promise<Extract<FromStitcher, { type: 'done' }>> {
  const { spec, parts, pass } = work;
  const [plan] = planJob(spec);
  const follower = pass === 'stitch' ? null : new SegmentFollower(plan!, parts[0]!.segment.fps);
  const files: WrittenFile[] = [];
  if (pass === 'follow') {
    files.push(...(await follow(work, follower!)));
  } else {
    if (plan!.video) files.push(...(await joinVideo(work, plan!.video.spec, rangeOf(plan!.source))));
    const events = spec.outputs.find(({ kind }) => kind === 'events');
    if (events || follower) {
      const file = events && new LinesFile(events.id, EVENTS_FILE);
      const next = follower && ((frame: FrameEvent) => follower.next(frame));
      await joinEvents(plan!.source.id, parts, openEvents(parts), async (lines) => file?.write(lines), next);
      await file?.write([summaryOf(work, follower)]);
      if (file) files.push(await file.close());
    }
  }
  return { type: 'done', files, outcome: { ...summaryOf(work, follower) } };
}

function summaryOf(
  { spec, parts, began, before }: StitchWork,
  follower: SegmentFollower | null,
): SummaryEvent {
  const summary = joinSummaries(spec.sources[0]!.id, parts, (Date.now() - began) / 1000, before);
  const counted = before.find(({ zones }) => zones)?.zones as SummaryEvent['zones'];
  const zones = follower?.totals() ?? counted;
  return { ...summary, ...(zones && { zones }) };
}

/** A file of a segment. @throws {BadSegmentError} where its node sent none. */
function openFile({ segment, ...files }: StitchPart, which: 'video' | 'events'): SourceBytes {
  const key = files[which];
  if (key === null) throw new BadSegmentError(segment, `its node sent no ${which}`);
  return bytesOf(key, (what) => new BadSegmentError(segment, what));
}

const openEvents = (parts: StitchWork['parts']) => async (place: number) => openFile(parts[place]!, 'events');

/** Follows objects through all segments. @returns a file of lines for each. */
async function follow({ spec, parts }: StitchWork, follower: SegmentFollower): Promise<WrittenFile[]> {
  const files: WrittenFile[] = [];
  let at = -1;
  let file: LinesFile | null = null;
  const done = async () => {
    if (file) files.push(await file.close());
  };
  await joinEvents(
    spec.sources[0]!.id,
    parts,
    openEvents(parts),
    async (lines, place) => {
      if (place !== at) {
        await done();
        file = new LinesFile(FOUND_OUTPUT, tracksFile(place));
        at = place;
      }
      await file!.write(lines);
    },
    (frame) => follower.next(frame),
  );
  await done();
  return files;
}

async function joinVideo(work: StitchWork, output: VideoOutputSpec, range: Range): Promise<WrittenFile[]> {
  const { parts } = work;
  const files: WrittenFile[] = [];
  const sound = await openSound(work, output, range);
  let said = 0;
  try {
    const { indexAtEnd } = await joinSegments({
      host: {
        log: (message) => say({ type: 'log', message }),
        createFile: async (id, name) => upload(id, name).stream((file) => files.push(file)),
      },
      spec: output,
      segments: parts.map(({ segment }) => segment),
      openPart: async ({ ordinal }) => openFile(parts[ordinal]!, 'video'),
      ...{ sound, start: range.start },
      onFrame: (frames) => {
        if (performance.now() - said < PROGRESS_MS) return;
        said = performance.now();
        say({ type: 'progress', frames });
      },
      signal: new AbortController().signal,
    });
    return files.map((file) => ({ ...file, indexAtEnd }));
  } finally {
    sound?.dispose();
  }
}

const unreadable = (what: string) =>
  new EdgeRunnerError(
    'input-not-media',
    `The source cannot be read: ${what}.`,
    'The file is damaged: make it again, or repair it first.',
  );

type OpenSound = NonNullable<JoinOptions['sound']> & { dispose(): void };

/** What was encoded for it, or what the source has; null where there is none that the container holds. */
async function openSound(
  { sound }: StitchWork,
  { container }: VideoOutputSpec,
  range: Range,
): Promise<OpenSound | null> {
  if (sound !== null) {
    const from = await SoundFile.open(bytesOf(sound, unreadable));
    return { from, range: { start: 0, end: Number.POSITIVE_INFINITY }, dispose: () => from.dispose() };
  }
  const media = await MediaSource.open('the source', bytesOf(null, unreadable));
  const { audio } = media;
  if (!audio || !holdsAudio(container, audio.codec)) {
    media.dispose();
    return null;
  }
  return {
    from: { audio, audioPackets: (start) => media.audioPackets(start) },
    ...{ range, dispose: () => media.dispose() },
  };
}

const upload = (output: string, name: string) =>
  new PartUpload(output, name, async ({ index, sha256, bytes }) => {
    // Nobody looks at them here again.
    await ask({ what: 'write', output, name, index, sha256, bytes }, [bytes.buffer]);
  });

/** A file of event lines. */
class LinesFile {
  readonly #file: PartUpload;
  #position = 0;

  constructor(output: string, name: string) {
    this.#file = upload(output, name);
  }

  async write(lines: readonly EventLine[]): Promise<void> {
    const data = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await this.#file.write(data, this.#position);
    this.#position += data.byteLength;
  }

  close(): Promise<WrittenFile> {
    return this.#file.close();
  }
}
