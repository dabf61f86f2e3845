import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SummaryEvent } from '../../protocol/index.ts';
import { ProcessTree } from './process-tree.ts';

const COMMAND = fileURLToPath(new URL('../../bin/edge-runner.mjs', import.meta.url));

export interface EngineRun {
  /** Frames a second between the tenth and the last frame but a tenth, the warm-up and the end left out. */
  steadyFps: number;
  /** Of the whole process, browser start included. */
  wallSeconds: number;
  /** From the start of the process to the first frame that was done. */
  firstFrameSeconds: number;
  /** Largest over smallest memory after the first tenth of the frames, and both in MiB. */
  memory: { leastMiB: number; mostMiB: number; samples: { frame: number; mib: number }[] };
  /** Processor seconds a frame in the steady state, command and browser together. */
  cpuPerFrame: number;
  summary: SummaryEvent;
}

/**
 * Runs the command and waits for its end.
 * @param shown whether what it says is shown too.
 * @throws when it fails, with what it said.
 */
export async function command(args: string[], shown = false): Promise<void> {
  const child = start(args, ['ignore', 'ignore', shown ? 'inherit' : 'pipe']);
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw failure(args, code, complaints);
}

/** The command; it ends with this process. */
function start(args: string[], stdio: StdioOptions): ChildProcess {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio });
  const end = () => child.kill();
  process.once('exit', end);
  child.once('close', () => process.off('exit', end));
  return child;
}

/** The command's own word first: a report has room for one line. */
function failure(args: string[], code: unknown, complaints: string): Error {
  const words = complaints.trim().replaceAll(/\n\s*/g, ' ') || `it ended with ${code}`;
  return new Error(`${words}\n(edge-runner ${args.join(' ')})`);
}

/** The browser compiles a model's wasm a second time while it runs: no steady state before. Milliseconds. */
const WARM_UP = 3000;

/** Runs the command as a user would and watches its progress. */
export async function runEngine(args: string[]): Promise<EngineRun> {
  const began = Date.now();
  const child = start(['run', ...args, '--json'], ['ignore', 'pipe', 'pipe']);
  const tree = new ProcessTree(child.pid!);
  const progress: { at: number; frames: number }[] = [];
  let summary: SummaryEvent | null = null;
  let complaints = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  let rest = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line) as { type: string; frames: number };
      if (message.type === 'progress') progress.push({ at: Date.now(), frames: message.frames });
      if (message.type === 'summary') summary = message as unknown as SummaryEvent;
    }
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  tree.stop();
  const wallSeconds = (Date.now() - began) / 1000;
  if (code !== 0 || !summary) throw failure(['run', ...args], code, complaints);
  const total = progress.at(-1)!.frames;
  const warm = progress[0]!.at + WARM_UP;
  const from =
    progress.find(({ at, frames }) => at >= warm && frames >= total * 0.1 && frames < total * 0.5) ??
    progress.find(({ frames }) => frames >= total * 0.1)!;
  const to = progress.find(({ frames }) => frames >= total * 0.9)!;
  const memory = tree.samples.flatMap(({ at, memoryMiB }) => {
    const frame = progress.findLast((line) => line.at <= at)?.frames ?? 0;
    return frame >= total * 0.1 && frame < total ? [{ frame, mib: memoryMiB }] : [];
  });
  return {
    // Of a run that is over in no time there is no middle to speak of.
    steadyFps:
      to.at - from.at < 500
        ? (summary as SummaryEvent).fps
        : ((to.frames - from.frames) * 1000) / (to.at - from.at),
    cpuPerFrame: tree.cpuBetween(from.at, to.at) / (to.frames - from.frames),
    wallSeconds,
    firstFrameSeconds: (progress[0]!.at - began) / 1000,
    memory: {
      leastMiB: Math.min(...memory.map(({ mib }) => mib)),
      mostMiB: Math.max(...memory.map(({ mib }) => mib)),
      samples: memory,
    },
    summary,
  };
}
