import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { filesBelow, processesOf } from './leftovers.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(ROOT, 'bin/edge-runner.mjs');

/** A run that takes longer than this has hung, ms: nearly every clip here is a matter of seconds. */
const HUNG = 60_000;

export interface CommandOptions {
  /** Added to the environment; `undefined` takes a variable out. */
  env?: Record<string, string | undefined>;
  /** A file that is piped into standard input, or null to leave it open for the test; empty otherwise. */
  stdin?: string | null;
  cwd?: string;
  /** For the few runs that take longer than others, ms. */
  hung?: number;
}

export interface Finished {
  /** Exit status; null when a signal ended the process. */
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
  /** What of this run is still there: files in its temporary folder, processes of its browser. */
  left: { files: string[]; processes: string[] };
}

/** A run of the command as a user would start it, with a temporary folder of its own. */
export class Command {
  readonly child: ChildProcessWithoutNullStreams;
  readonly tmp: string;
  readonly ended: Promise<Finished>;
  stdout = '';
  stderr = '';
  #watchers: (() => void)[] = [];

  private constructor(tmp: string, args: string[], options: CommandOptions) {
    this.tmp = tmp;
    const began = performance.now();
    this.child = spawn(process.execPath, [COMMAND, ...args], {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env, TMPDIR: tmp },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // Whoever refuses its input closes the pipe early.
    this.child.stdin.on('error', () => {});
    if (options.stdin === undefined) this.child.stdin.end();
    else if (options.stdin !== null) createReadStream(options.stdin).pipe(this.child.stdin);
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name].setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
        for (const watch of this.#watchers.splice(0)) watch();
      });
    }
    const limit = setTimeout(() => this.child.kill('SIGKILL'), options.hung ?? HUNG);
    this.ended = new Promise<number | null>((resolve) => this.child.once('close', resolve)).then(
      async (code) => {
        clearTimeout(limit);
        const seconds = (performance.now() - began) / 1000;
        for (const watch of this.#watchers.splice(0)) watch();
        const processes = await processesOf(tmp);
        const files = await filesBelow(tmp);
        await rm(tmp, { recursive: true, force: true, maxRetries: 5 });
        return { code, stdout: this.stdout, stderr: this.stderr, seconds, left: { files, processes } };
      },
    );
  }

  static async start(args: string[], options: CommandOptions = {}): Promise<Command> {
    return new Command(await mkdtemp(join(tmpdir(), 'test-run-')), args, options);
  }

  /** Waits until something the process has said fulfils the condition; fails when the process ends before. */
  async until(said: (command: Command) => boolean): Promise<void> {
    while (!said(this)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the command ended too early:\n${this.stdout.slice(-2000)}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }
}

/** Runs the command to its end and holds it to leaving nothing behind, however it ends. */
export async function edgeRunner(args: string[], options: CommandOptions = {}): Promise<Finished> {
  const finished = await (await Command.start(args, options)).ended;
  expectNothingLeft(finished);
  return finished;
}

/** Runs the command and holds it to success. */
export async function succeed(args: string[], options: CommandOptions = {}): Promise<Finished> {
  const finished = await edgeRunner(args, options);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

export function expectNothingLeft({ left }: Finished): void {
  expect(left, 'what a run leaves behind').toEqual({ files: [], processes: [] });
}

/** Holds a run to a refusal: exit code, the code in words on standard error, a sentence, an indented remedy. */
export function expectRefusal(finished: Finished, exit: number, code: string | RegExp): void {
  const { stderr } = finished;
  const match = /^edge-runner: ([a-z-]+): (.+)\n {2}(\S.*)\n$/m.exec(stderr);
  expect(match, `a code, a sentence and a remedy, not:\n${stderr}`).not.toBeNull();
  expect(match![1]).toMatch(typeof code === 'string' ? new RegExp(`^${code}$`) : code);
  expect(match![2], 'a sentence').toMatch(/^.{10,}[.!?]$/);
  expect(match![3], 'a remedy').toMatch(/^.{8,}$/);
  expect(stderr, 'no stack trace').not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(finished.code, stderr).toBe(exit);
}
