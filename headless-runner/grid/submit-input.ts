import { createHash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import {
  EdgeRunnerError,
  type EventLine,
  type JobDetail,
  type JobEvent,
  type JobProgress,
  type JobSpec,
  type JobView,
  MOST_JSON,
  type ResultFile,
  type SummaryEvent,
} from '../../protocol/index.ts';
import { moveIndexToFront } from '../host/fast-start.ts';
import { OutputFiles } from '../host/output-files.ts';
import type { InputPlan } from '../run/batch.ts';
import type { RunInput } from '../run/inputs.ts';
import type { InputResult } from '../run/run-input.ts';
import type { GridClient } from './client.ts';
import { sendUpload } from './upload.ts';

export interface SubmitOptions {
  client: GridClient;
  placement: Pick<JobSpec['placement'], 'trust' | 'region' | 'labels' | 'encoderClass'>;
  priority: number;
  /** Seconds of the segments that a video is cut into, about; null where it stays whole. */
  segment: number | null;
  signal: AbortSignal;
}

/** Makes a job of one input: what is on this machine is uploaded first. */
export async function makeJob(plan: InputPlan, options: SubmitOptions): Promise<JobView> {
  const { client, placement, priority, segment } = options;
  const request = (uploads: string[]): { spec: JobSpec; key: string } => ({
    spec: {
      ...plan.job,
      priority,
      segment,
      placement: { ...plan.job.placement, ...placement },
      sources: plan.job.sources.map((source) => {
        if (source.kind === 'upload') return { ...source, upload: uploads[0]! };
        return source.kind === 'snapshots' ? { ...source, uploads } : source;
      }),
    },
    key: randomUUID(),
  });
  // What the server would refuse is refused before an hour of uploading.
  const files = filesOf(plan.input).length;
  if (Buffer.byteLength(JSON.stringify(request(Array(files).fill(UPLOAD_ID)))) > MOST_JSON)
    throw new EdgeRunnerError(
      'body-too-large',
      `${plan.input.name} has ${files} pictures: a job that names them all is larger than the ${MOST_JSON >> 20} MiB that a server takes.`,
      'Submit them in several folders.',
    );
  return client.sendOnce<JobView>('/v1/jobs', request(await uploadInput(plan, options)));
}

/** As long as those that servers give. */
const UPLOAD_ID = 'u'.repeat(22);

/** Has one input done by the grid, and brings the results here, each checked against its digest. */
export async function submitInput(plan: InputPlan, options: SubmitOptions): Promise<InputResult> {
  const { client, signal } = options;
  const { reporter } = plan;
  const began = performance.now();
  let firstFrameSeconds: number | null = null;
  try {
    const { id } = await makeJob(plan, options);
    reporter.log(`job ${id}`);
    client.waitLonger();
    const cancel = () => void stop(client, id);
    signal.addEventListener('abort', cancel, { once: true });
    let waiting: string | null = null;
    try {
      for await (const event of client.follow<JobEvent>(`/v1/jobs/${id}/events`)) {
        if (event.type === 'attempt.log' || event.type === 'source.whole' || event.type === 'source.mixed')
          reporter.log(`${event.data.message}`);
        if (event.type !== 'progress') continue;
        const { frames, of, ...data } = event.data as JobProgress;
        if (data.waiting !== waiting && data.waiting !== null) reporter.log(`waiting: ${data.waiting}`);
        waiting = data.waiting;
        if (frames > 0) firstFrameSeconds ??= Number(((performance.now() - began) / 1000).toFixed(3));
        const source = plan.job.sources[0]!.id;
        reporter.progress({ type: 'progress', source, frames, of, openFrames: 0, time: 0, duration: null });
      }
      const detail = await client.get<JobDetail>(`/v1/jobs/${id}`);
      if (detail.state !== 'done') throw ended(detail);
      const { summary, output } = await takeResults(plan, client, detail);
      return { summary, output, firstFrameSeconds };
    } catch (error) {
      throw error instanceof EdgeRunnerError && error.code === 'server-unreachable'
        ? goesOn(error, client, id)
        : error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  } finally {
    reporter.end();
  }
}

/** Nobody waits for it any more, but it is not lost. */
const goesOn = ({ code, message }: EdgeRunnerError, { server }: GridClient, job: string) =>
  new EdgeRunnerError(
    code,
    `${message} Job ${job} goes on without this command.`,
    `What comes of it is at ${server.origin}/v1/jobs/${job} (docs/grid.md, "Jobs from a program").`,
  );

/** Somebody stopped waiting: the job is of no use any more. The command's own signal has ended its connections. */
async function stop(client: GridClient, job: string): Promise<void> {
  await client.sendAfterAll(`/v1/jobs/${job}/cancel`).catch(() => {});
}

async function uploadInput(
  { input, reporter }: InputPlan,
  { client, signal }: SubmitOptions,
): Promise<string[]> {
  const files = filesOf(input);
  const uploads: string[] = [];
  for (const { name, from } of files) {
    const told = new Sent(name, (line) => reporter.log(line));
    uploads.push(
      await sendUpload({ client, name, from, signal, onProgress: (sent, of) => told.at(sent, of) }),
    );
  }
  return uploads;
}

function filesOf(input: RunInput): { name: string; from: string | NodeJS.ReadableStream }[] {
  switch (input.kind) {
    case 'file':
      return [{ name: input.name, from: input.path }];
    case 'stdin':
      return [{ name: input.name, from: process.stdin }];
    case 'pictures':
      return input.paths.map((path) => ({ name: basename(path), from: path }));
    case 'url':
    case 'pattern':
    case 'street':
      return [];
  }
}

/** Says now and then how much of a large file has gone. */
class Sent {
  static readonly INTERVAL = 5_000;
  readonly #name: string;
  readonly #say: (line: string) => void;
  #last = performance.now();

  constructor(name: string, say: (line: string) => void) {
    this.#name = name;
    this.#say = say;
  }

  at(sent: number, of: number | null): void {
    if (performance.now() - this.#last < Sent.INTERVAL) return;
    this.#last = performance.now();
    const share = of ? ` (${Math.floor((100 * sent) / of)} %)` : '';
    this.#say(`${this.#name}: ${(sent / 1e6).toFixed(0)} MB uploaded${share}`);
  }
}

async function takeResults(
  { input, target, depthFolder, events, reporter }: InputPlan,
  client: GridClient,
  { taskList, files }: JobDetail,
): Promise<{ summary: SummaryEvent; output: string | null }> {
  const media = target && new OutputFiles(target.folder);
  const maps = depthFolder === null ? null : new OutputFiles(depthFolder);
  try {
    for (const file of files) {
      if (file.output === 'events') {
        for await (const line of eventLines(client, file)) await events.write([line]);
        continue;
      }
      const folder = file.output === 'depth-maps' ? maps : media;
      if (!folder) continue;
      const part = await download(client, file, folder);
      if (file.indexAtEnd) await moveIndexToFront(part);
    }
    await media?.commit();
    await maps?.commit();
    // Of segments nobody asked, nor of the look at the source.
    const last = taskList.findLast(({ kind, segment, outcome }) => outcome && kind !== 'probe' && !segment)!;
    const summary = last.outcome as unknown as SummaryEvent;
    const output = target && (input.kind === 'pictures' ? target.folder : `${target.folder}/${target.name}`);
    reporter.summary(summary, output);
    return { summary, output };
  } finally {
    await Promise.all([media?.discard(), maps?.discard()]);
  }
}

/** @returns where it lies until it is committed. */
async function download(client: GridClient, file: ResultFile, folder: OutputFiles): Promise<string> {
  const { part, write, close } = await folder.create(file.name);
  let position = 0;
  for await (const bytes of parts(client, file)) {
    await write(bytes, position);
    position += bytes.byteLength;
  }
  await close();
  return part;
}

/** The parts of a file, each whole and right. */
async function* parts(
  client: GridClient,
  { path, name, bytes, parts: digests, partBytes }: ResultFile,
): AsyncGenerator<Buffer> {
  for (const [index, sha256] of digests.entries()) {
    const start = index * partBytes;
    const end = Math.min(bytes, start + partBytes);
    const part = end > start ? await client.readBytes(path, start, end) : Buffer.alloc(0);
    if (createHash('sha256').update(part).digest('hex') !== sha256)
      throw new EdgeRunnerError(
        'digest-mismatch',
        `Part ${index + 1} of ${name} is not what the node sent.`,
        'Submit it again; if it happens again, check the disk of the server.',
      );
    yield part;
  }
}

async function* eventLines(client: GridClient, file: ResultFile): AsyncGenerator<EventLine> {
  for await (const line of createInterface({
    input: Readable.from(parts(client, file), { objectMode: false }),
  }))
    if (line !== '') yield JSON.parse(line) as EventLine;
}

function ended({ state, error }: JobDetail): EdgeRunnerError {
  if (error) return EdgeRunnerError.fromRecord(error);
  return new EdgeRunnerError(
    'job-cancelled',
    `The job was ${state}.`,
    'Ask whoever cancelled it, or submit it again.',
  );
}
