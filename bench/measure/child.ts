import { spawn } from 'node:child_process';

export interface Ended {
  /** Null when it could not be started or was killed. */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ChildOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Killed after as many milliseconds. */
  timeout?: number;
}

/**
 * Runs a program to its end. Nothing else is held up meanwhile, so that whoever is told to end can; the program ends
 * with this process.
 */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  try {
    return await new Promise((resolve) => {
      child.once('error', ({ message }) => resolve({ ...said, status: null, signal: null, stderr: message }));
      child.once('close', (status, signal) => resolve({ ...said, status, signal }));
    });
  } finally {
    process.off('exit', end);
  }
}
