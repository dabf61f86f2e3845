import { execFile } from 'node:child_process';
import { EdgeRunnerError } from '../../protocol/index.ts';

export interface Asked {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Bytes: launchd tells all that it has when it is asked for a domain. */
const MOST = 16 << 20;

/** Runs one of the system's commands. @throws {EdgeRunnerError} `no-service-manager` where it is not there. */
export function askSystem(command: string, args: readonly string[]): Promise<Asked> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: MOST }, (error, stdout, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT')
        reject(noManager(`There is no ${command} here to start a service with.`));
      else resolve({ ok: error === null, stdout, stderr });
    });
  });
}

/** The same, for what is worth a try: a command that is not there has failed. */
export const trySystem = (command: string, args: readonly string[]): Promise<Asked> =>
  askSystem(command, args).catch((error: Error) => ({ ok: false, stdout: '', stderr: error.message }));

/** The same, for what has to work. @throws {EdgeRunnerError} `service-failed` */
export async function tellSystem(command: string, args: readonly string[]): Promise<void> {
  const asked = await askSystem(command, args);
  if (asked.ok) return;
  throw new EdgeRunnerError(
    'service-failed',
    `"${[command, ...args].join(' ')}" failed: ${saidBy(asked)}.`,
    'Run it by hand to see more; what was there before is there again.',
  );
}

/** Why something failed, without a full stop. */
export const saidBy = ({ stdout, stderr }: Asked): string =>
  (stderr || stdout).trim().split('\n')[0]!.replace(/\.$/, '') || 'it does not say why';

export const noManager = (
  message: string,
  remedy = 'Have "edge-runner join" started by whatever starts things on this machine.',
): EdgeRunnerError => new EdgeRunnerError('no-service-manager', message, remedy);
