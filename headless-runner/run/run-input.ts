import { join } from 'node:path';
import type { ModelDescriptor } from '../../models/descriptor.ts';
import { EdgeRunnerError, type SummaryEvent } from '../../protocol/index.ts';
import type { LaunchOptions } from '../browser/launch.ts';
import { moveIndexToFront } from '../host/fast-start.ts';
import { GrowingFile } from '../host/growing-file.ts';
import type { Served } from '../host/loopback-server.ts';
import { OutputFiles } from '../host/output-files.ts';
import { FileSource } from '../host/served-source.ts';
import { runInBrowser } from '../host/session.ts';
import { openUrl } from '../host/url-source.ts';
import { sniff } from '../inspect/sniff.ts';
import type { InputPlan } from './batch.ts';
import { OnceOnly } from './event-file.ts';

export interface InputRun extends InputPlan {
  models: { descriptor: ModelDescriptor; path: string }[];
  headers: Record<string, string>;
  launch: LaunchOptions;
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
 * once, from the first frame; a second death fails the job. An address that cannot be read here and there is read once
 * more from its start, as far as it goes.
 */
export async function runInput(run: InputRun): Promise<InputResult> {
  const served: Served = { sources: new Map(), pictures: new Map(), models: new Map() };
  for (const model of run.models) served.models.set(model.descriptor.name, model);
  const id = run.job.sources[0]!.id;
  try {
    await serveInput(run, id, served);
    const once = new OnceOnly();
    try {
      return await attempt(run, served, once);
    } catch (error) {
      if (!(error instanceof EdgeRunnerError) || run.signal.aborted) throw error;
      if (error.code === 'browser-died') run.reporter.log(`${error.message} It is started again, once.`);
      else if (error.code === 'url-unreachable' && run.input.kind === 'url') {
        // An index at the end, say, of a file that a server breaks off before: its first part can still be had.
        run.reporter.log(`${error.message} What comes of it from its start is taken.`);
        await served.sources.get(id)?.close();
        served.sources.set(
          id,
          await openUrl({ url: run.input.url, headers: run.headers }, run.signal, 'whole'),
        );
      } else throw error;
      return await attempt(run, served, once).catch((again: unknown) => {
        throw error.code === 'browser-died' ? diedTwice(again) : again;
      });
    }
  } finally {
    run.reporter.end();
    for (const source of served.sources.values()) await source.close();
  }
}

/** One that does not even come up the second time is a browser that died twice, not a machine without one. */
function diedTwice(again: unknown): unknown {
  if (!(again instanceof EdgeRunnerError) || again.code !== 'browser-launch') return again;
  return new EdgeRunnerError('browser-died', `Started again, ${again.message}`, again.remedy, {
    cause: again,
  });
}

async function attempt(run: InputRun, served: Served, once: OnceOnly): Promise<InputResult> {
  const { job, target, launch, events, reporter, signal } = run;
  const began = performance.now();
  let firstFrameSeconds: number | null = null;
  let over = false;
  const files = target && new OutputFiles(target.folder);
  const maps = run.depthFolder === null ? null : new OutputFiles(run.depthFolder);
  try {
    const { summaries, indexAtEnd } = await runInBrowser({
      job,
      served,
      launch,
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
      signal,
    });
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
    await Promise.all([files?.discard(), maps?.discard()]);
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
