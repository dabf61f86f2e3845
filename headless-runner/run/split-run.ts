import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EdgeRunnerError,
  type ErrorCode,
  EVENTS_FILE,
  type ProbeReport,
  type Segment,
  SOUND_FILE,
  type StitchPart,
  type StitchWork,
  type TaskOutcome,
  tracksFile,
} from '../../protocol/index.ts';
import { checkOutcome } from '../../server/grid/outcomes.ts';
import { passesOf } from '../../server/grid/planner.ts';
import type { Served } from '../host/loopback-server.ts';
import { OutputFiles, unwritable } from '../host/output-files.ts';
import { FileSource } from '../host/served-source.ts';
import type { EngineBrowser, RunResult } from '../host/session.ts';
import type { WorkSinks } from '../host/work-session.ts';
import type { SegmentLength } from './options.ts';
import type { InputRun } from './run-input.ts';
import { SegmentProgress } from './segment-progress.ts';
import { readEventLines, type Stitched, stitchHere } from './stitch-here.ts';

/** How an input is shared out among several workers of one browser. */
export interface Split {
  /** Segments worked at at a time. */
  jobs: number;
  /** About so long are the segments; one for each job where nothing is said. */
  segment: SegmentLength | undefined;
}

/** What of a source may stand in the way of a segment alone, where its whole can be carried out as far as it goes. */
const OF_CUT: readonly ErrorCode[] = ['segment-short', 'segments-unequal', 'input-decode', 'input-no-frames'];

/** A pass over all segments: to carry them out, or to draw in a second one who was followed through them. */
type Pass = 'process' | 'render';

/**
 * An input that is cut into segments, several of which are worked at at a time, and joined: as a grid does it, by the
 * same engine and the same thread. What is done stays done when its browser dies.
 */
export class SplitRun {
  readonly #run: InputRun;
  readonly #split: Split;
  readonly #served: Served;
  #report: ProbeReport | null = null;
  #progress: SegmentProgress | null = null;
  #folder: Promise<string> | null = null;
  /** Files in that folder. */
  readonly #kept: OutputFiles[] = [];
  /** Settles when nobody works at a segment any more, which is soon after their browser has gone. */
  #working: Promise<unknown> = Promise.resolve();
  readonly #done: Record<Pass, Map<number, StitchPart>> = { process: new Map(), render: new Map() };
  #followed: TaskOutcome | null = null;
  /** Where the sound lies that was encoded anew; null for none, or none yet. */
  #sound: string | null = null;
  /** Milliseconds since 1970. */
  #began = 0;
  readonly #said = new Set<string>();

  constructor(run: InputRun, split: Split, served: Served) {
    this.#run = run;
    this.#split = split;
    this.#served = served;
  }

  /**
   * @param sinks of the whole.
   * @returns null where the input is carried out in one piece, which the log says.
   * @throws {EdgeRunnerError} `segment-short` where the segments did not come out as they were planned: the input can
   *   still be carried out in one piece.
   */
  async carryOut(browser: EngineBrowser, sinks: WorkSinks): Promise<RunResult | null> {
    const segments = await this.#cut(browser);
    if (!segments) return null;
    this.#began ||= Date.now();
    this.#progress ??= new SegmentProgress(segments, this.#drawsLater ? 2 : 1, this.#source);
    if (this.#report!.sound === 'encoded') this.#sound ??= await this.#encodeSound(browser);
    await this.#pass('process', browser, sinks);
    if (this.#drawsLater) {
      this.#followed ??= await this.#follow();
      await this.#pass('render', browser, sinks);
    }
    const events = await this.#keep();
    const { summary, indexAtEnd } = await this.#stitch(
      this.#drawsLater ? 'render' : 'process',
      this.#passes === 'find, follow' ? 'follow-and-stitch' : 'stitch',
      (output) => sinks.outputs.get(output) ?? events,
    );
    if (this.#run.job.outputs.some(({ kind }) => kind === 'events'))
      await readEventLines(events.partOf(EVENTS_FILE), sinks.onEvents);
    return { summaries: [summary], indexAtEnd };
  }

  /** Deletes what was kept, once the browser is closed. Safe to call twice. */
  async discard(): Promise<void> {
    await this.#working;
    for (const { ordinal } of this.#report?.segments ?? []) {
      const id = tracksId(ordinal);
      await this.#served.sources.get(id)?.close();
      this.#served.sources.delete(id);
    }
    await Promise.all(this.#kept.splice(0).map((files) => files.discard()));
    const folder = await this.#folder?.catch(() => null);
    this.#folder = null;
    if (folder) await rm(folder, { recursive: true, force: true });
  }

  get #passes(): ReturnType<typeof passesOf> {
    return passesOf(this.#run.job, this.#source);
  }

  /** Whether segments are gone through twice. */
  get #drawsLater(): boolean {
    return this.#passes === 'find, follow, render';
  }

  get #source(): string {
    return this.#run.job.sources[0]!.id;
  }

  /** @returns null where there is one segment only. */
  async #cut(browser: EngineBrowser): Promise<Segment[] | null> {
    const { segment, jobs } = this.#split;
    const why = this.#whyUncut();
    if (why === null) {
      const cut = typeof segment === 'number' ? { seconds: segment } : { pieces: jobs };
      this.#report ??= await browser.probe({ job: this.#run.job, cut }, (message) => this.#log(message));
    }
    const whole = why ?? this.#report!.whole;
    if (whole !== null) {
      this.#log(`carried out in one piece: ${whole}`);
      return null;
    }
    const { segments } = this.#report!;
    this.#log(`cut into ${segments.length} segments, ${this.#workers} at a time`);
    return segments;
  }

  /** Why it is not even looked at for where to cut it. */
  #whyUncut(): string | null {
    const { input, job } = this.#run;
    const [source] = job.sources;
    if (this.#split.segment === 'whole') return '--segment whole was asked for';
    if (source && 'realtime' in source && source.realtime) return 'it is read at its own pace';
    switch (input.kind) {
      case 'file':
      case 'url':
        return null;
      case 'stdin':
        return 'standard input comes from its start to its end';
      case 'pictures':
        return 'still pictures are no video';
      case 'pattern':
      case 'street':
        return 'it is drawn as it goes';
    }
  }

  async #pass(pass: Pass, browser: EngineBrowser, sinks: WorkSinks): Promise<void> {
    await this.#working;
    const waiting = this.#report!.segments.filter(({ ordinal }) => !this.#done[pass].has(ordinal));
    const work = async () => {
      for (let segment = waiting.shift(); segment; segment = waiting.shift()) {
        const part = await this.#one(pass, segment, browser, sinks);
        this.#done[pass].set(segment.ordinal, part);
      }
    };
    const workers = Array.from({ length: this.#workers }, work);
    this.#working = Promise.allSettled(workers);
    await Promise.all(workers);
  }

  /** @returns null where it cannot be decoded, which the log says. */
  async #encodeSound(browser: EngineBrowser): Promise<string | null> {
    const { job } = this.#run;
    const { id } = job.outputs.find(({ kind }) => kind === 'video')!;
    const files = await this.#keep();
    await browser.sound(
      { job },
      {
        outputs: new Map([[id, files]]),
        onEvents: async () => {},
        onProgress: () => {},
        onLog: (message) => this.#log(message),
      },
    );
    return files.has(SOUND_FILE) ? files.partOf(SOUND_FILE) : null;
  }

  async #one(pass: Pass, segment: Segment, browser: EngineBrowser, sinks: WorkSinks): Promise<StitchPart> {
    const { job } = this.#run;
    const finds = pass === 'process' && this.#passes !== 'once';
    const video =
      finds && this.#drawsLater ? undefined : job.outputs.find((output) => output.kind === 'video');
    const files = await this.#keep();
    const lines = await files.create(EVENTS_FILE);
    let position = 0;
    const end = await browser
      .run(
        {
          ...{ job, segment, workers: this.#workers },
          ...(finds && { boxes: 'found' }),
          ...(pass === 'render' && { boxes: 'given', tracks: tracksId(segment.ordinal) }),
        },
        {
          outputs: new Map([...sinks.outputs, ...(video ? [[video.id, files] as const] : [])]),
          onEvents: async (events) => {
            const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
            await lines.write(bytes, position);
            position += bytes.byteLength;
          },
          onLog: (message) => this.#log(message),
          onProgress: (message) => sinks.onProgress(this.#progress!.moved(pass, segment, message)),
        },
      )
      .catch((error: unknown) => {
        throw ofCut(error);
      });
    await lines.close();
    const outcome = { ...end.summaries[0]!, ...(end.shown && { shown: end.shown }) };
    checkOutcome({ kind: 'process', segment }, outcome);
    return {
      ...{ segment, outcome },
      video: video ? files.partOf(video.name) : null,
      events: files.partOf(EVENTS_FILE),
    };
  }

  /** Follows objects through all segments, and serves each one's to the second pass. */
  async #follow(): Promise<TaskOutcome> {
    const files = await this.#keep();
    const { summary } = await this.#stitch('process', 'follow', () => files);
    for (const { ordinal } of this.#report!.segments) {
      const path = files.partOf(tracksFile(ordinal));
      this.#served.sources.set(tracksId(ordinal), new FileSource(path));
    }
    return { ...summary };
  }

  async #stitch(
    from: Pass,
    pass: StitchWork['pass'],
    filesOf: (output: string) => OutputFiles,
  ): Promise<Stitched> {
    const { segments } = this.#report!;
    try {
      return await stitchHere({
        work: {
          ...{ spec: this.#run.job, pass, began: this.#began, sound: this.#sound },
          parts: segments.map(({ ordinal }) => this.#done[from].get(ordinal)!),
          before: this.#followed ? [this.#followed] : [],
        },
        source: this.#served.sources.get(this.#source)!,
        filesOf,
        onLog: (message) => this.#log(message),
        signal: this.#run.signal,
      });
    } catch (error) {
      throw ofCut(error);
    }
  }

  get #workers(): number {
    return Math.min(this.#split.jobs, this.#report!.segments.length);
  }

  /** Files in the folder of this run, which lies beside the output, or with other temporary files where there is none. */
  async #keep(): Promise<OutputFiles> {
    const { target } = this.#run;
    const prefix = target
      ? join(target.folder, `.${target.name}.part.`)
      : join(tmpdir(), 'edge-runner-parts-');
    this.#folder ??= mkdtemp(prefix).catch((error: unknown) => {
      throw unwritable(`${prefix}…`, error);
    });
    const files = new OutputFiles(await this.#folder);
    this.#kept.push(files);
    return files;
  }

  /** Every segment says the same of how it is encoded. */
  #log(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#run.reporter.log(message);
  }
}

const tracksId = (ordinal: number): string => `tracks-${ordinal}`;

/** Tells what speaks against the cut alone from what would fail the whole too. */
function ofCut(error: unknown): unknown {
  if (!(error instanceof EdgeRunnerError) || !OF_CUT.includes(error.code)) return error;
  return new EdgeRunnerError('segment-short', error.message, error.remedy, { cause: error });
}
