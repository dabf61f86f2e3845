import { execFile } from 'node:child_process';
import { EdgeRunnerError } from '../../protocol/index.ts';

export interface Asked {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Runs one of the system's commands. @throws {EdgeRunnerError} `no-service-manager` where it is not there. */
export function askSystem(command: string, args: readonly string[]): Promise<Asked> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') reject(noManager(command));
      else resolve({ ok: error === null, stdout, stderr });
    });
  });
}

/** The same, for what has to work. @throws {EdgeRunnerError} `service-failed` */
export async function tellSystem(command: string, args: readonly string[]): Promise<void> {
  const { ok, stdout, stderr } = await askSystem(command, args);
  if (ok) return;
  const said = (stderr || stdout).trim().split('\n')[0] || 'it does not say why';
  throw new EdgeRunnerError(
    'service-failed',
    `"${[command, ...args].join(' ')}" failed: ${said}.`,
    'Run it by hand to see more; "edge-runner service remove" takes away what was written.',
  );
}

export const noManager = (what: string): EdgeRunnerError =>
  new EdgeRunnerError(
    'no-service-manager',
    `There is no ${what} here to start a service with.`,
    'Have "edge-runner join" started by whatever starts things on this machine.',
  );
