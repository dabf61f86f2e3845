import { join } from 'node:path';
import type { ModelDescriptor } from '../../models/descriptor.ts';
import { EdgeRunnerError, type ErrorCode, type SummaryEvent } from '../../protocol/index.ts';
import type { LaunchOptions } from '../browser/launch.ts';
import { moveIndexToFront } from '../host/fast-start.ts';
import { GrowingFile } from '../host/growing-file.ts';
import type { Served } from '../host/loopback-server.ts';
import { OutputFiles } from '../host/output-files.ts';
import { FileSource } from '../host/served-source.ts';
import { inBrowser } from '../host/session.ts';
import { openUrl } from '../host/url-source.ts';
import type { WorkSinks } from '../host/work-session.ts';
import { sniff } from '../inspect/sniff.ts';
import type { InputPlan } from './batch.ts';
import { OnceOnly } from './event-file.ts';
import { type Split, SplitRun } from './split-run.ts';

export interface InputRun extends InputPlan {
  models: { descriptor: ModelDescriptor; path: string }[];
  headers: Record<string, string>;
  launch: LaunchOptions;
  /** Null where it is carried out in one piece. */
  split: Split | null;
  signal: AbortSignal;
}

/** What the command knows beside the engine's own summary. */
export interface InputResult {
  summary: SummaryEvent;
  output: string | null;
  /** Seconds from the start of this run to the first frame that was done, the browser's start included. */
  firstFrameSeconds: number | null;
}

/**
 * Carries the job of one input out, its output appearing whole or not at all. A browser that dies is started again
 * once, for what is not done: all of it, or the segments that are missing; a second death fails the job. An address
 * that cannot be read here and there is read once more from its start, as far as it goes. Segments that do not come
 * out as planned are given up for the whole.
 */
export async function runInput(run: InputRun): Promise<InputResult> {
  const served: Served = { sources: new Map(), pictures: new Map(), models: new Map() };
  for (const model of run.models) served.models.set(model.descriptor.name, model);
  const state: RunState = {
    served,
    once: new OnceOnly(),
    maps: run.depthFolder === null ? null : new OutputFiles(run.depthFolder),
    split: run.split && new SplitRun(run, run.split, served),
  };
  const met = new Set<ErrorCode>();
  try {
    await serveInput(run, run.job.sources[0]!.id, served);
    while (true) {
      try {
        return await attempt(run, state);
      } catch (error) {
        if (run.signal.aborted) throw error;
        // Whatever it stumbled over then, that is why.
        await checkSame(served);
        if (!(error instanceof EdgeRunnerError)) throw error;
        if (met.has(error.code) || !(await mend(error, run, state)))
          throw met.has('browser-died') ? diedTwice(error) : error;
        met.add(error.code);
      }
    }
  } finally {
    run.reporter.end();
    await Promise.all([state.split?.discard(), state.maps?.discard()]);
    for (const source of served.sources.values()) await source.close();
  }
}

/** @throws {EdgeRunnerError} `source-changed` */
async function checkSame({ sources }: Served): Promise<void> {
  for (const source of sources.values()) await source.checkSame();
}

/** What outlives a browser. */
interface RunState {
  served: Served;
  once: OnceOnly;
  /** Of depth: those that are made again take the place of those before. */
  maps: OutputFiles | null;
  split: SplitRun | null;
}

/** @returns whether it may go better another time. */
async function mend({ code, message }: EdgeRunnerError, run: InputRun, state: RunState): Promise<boolean> {
  const { input, headers, reporter, signal } = run;
  if (code === 'browser-died') reporter.log(`${message} It is started again, once.`);
  else if (code === 'url-unreachable' && input.kind === 'url') {
    // An index at the end, say, of a file that a server breaks off before: its first part can still be had.
    reporter.log(`${message} What comes of it from its start is taken.`);
    await giveUpSegments(state);
    const { sources } = state.served;
    const id = run.job.sources[0]!.id;
    await sources.get(id)?.close();
    sources.set(id, await openUrl({ url: input.url, headers }, signal, 'whole'));
  } else if (code === 'segment-short' && state.split) {
    reporter.log(`carried out in one piece: ${message}`);
    await giveUpSegments(state);
  } else return false;
  return true;
}

async function giveUpSegments(state: RunState): Promise<void> {
  await Promise.all([state.split?.discard(), state.maps?.discard()]);
  state.split = null;
}

/** One that does not even come up the second time is a browser that died twice, not a machine without one. */
function diedTwice(again: EdgeRunnerError): EdgeRunnerError {
  if (again.code !== 'browser-launch') return again;
  return new EdgeRunnerError('browser-died', `Started again, ${again.message}`, again.remedy, {
    cause: again,
  });
}

async function attempt(run: InputRun, { served, once, maps, split }: RunState): Promise<InputResult> {
  const { job, target, launch, events, reporter, signal } = run;
  const began = performance.now();
  let firstFrameSeconds: number | null = null;
  let over = false;
  const files = target && new OutputFiles(target.folder);
  const sinks: WorkSinks = {
    outputs: new Map([
      ...(files
        ? ([
            ['video', files],
            ['frames', files],
          ] as const)
        : []),
      ...(maps ? ([['depth-maps', maps]] as const) : []),
    ]),
    onEvents: (lines) => events.write(once.filter(lines.filter((line) => line.type !== 'summary'))),
    onLog: (message) => reporter.log(message),
    onProgress: (message) => {
      // What a browser that died had sent may still come in.
      if (over) return;
      firstFrameSeconds ??= Number(((performance.now() - began) / 1000).toFixed(3));
      reporter.progress(message);
    },
  };
  try {
    const { summaries, indexAtEnd } = await inBrowser(
      { served, launch, signal },
      async (browser) => (await split?.carryOut(browser, sinks)) ?? browser.run({ job, workers: 1 }, sinks),
    );
    await checkSame(served);
    const summary = summaries[0]!;
    if (files && target && indexAtEnd.length > 0) await moveIndexToFront(files.partOf(target.name));
    await files?.commit();
    await maps?.commit();
    await events.write([summary]);
    const output =
      target && (run.input.kind === 'pictures' ? target.folder : join(target.folder, target.name));
    reporter.summary(summary, output);
    return { summary, output, firstFrameSeconds };
  } finally {
    over = true;
    await files?.discard();
  }
}

async function serveInput({ input, headers, signal }: InputRun, id: string, served: Served): Promise<void> {
  switch (input.kind) {
    case 'file':
      served.sources.set(id, new FileSource(input.path));
      return;
    case 'url':
      served.sources.set(id, await openUrl({ url: input.url, headers }, signal));
      return;
    case 'stdin':
      served.sources.set(id, await openStdin());
      return;
    case 'pictures':
      served.pictures.set(id, input.paths);
      return;
    case 'pattern':
    case 'street':
      return;
  }
}

/** Refuses what is no media before a browser is started for it. */
async function openStdin(): Promise<GrowingFile> {
  const file = await GrowingFile.start(process.stdin, null);
  try {
    checkHead('standard input', await file.head(HEAD_BYTES));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Enough to tell media from anything else. */
const HEAD_BYTES = 4096;

function checkHead(name: string, head: Uint8Array): void {
  if (head.byteLength === 0) {
    throw new EdgeRunnerError(
      'input-empty',
      `${name} is empty.`,
      'Check the command that writes into the pipe.',
    );
  }
  if (sniff(head)?.kind === 'video') return;
  throw new EdgeRunnerError(
    'input-not-media',
    `${name} is no video that edge-runner can read.`,
    'Pipe in an MP4, MOV, MKV, WebM or MPEG-TS file.',
  );
}
