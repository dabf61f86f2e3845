import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ROOT } from '../root.ts';

export interface ServerProcessOptions {
  /** Where it keeps what it has; an admin token is told at the first start on it. */
  data: string;
  /** 0 for any. */
  port?: number;
  /** PostgreSQL instead of the folder. */
  databaseUrl?: string;
}

/** `edge-runner server` as its users run it, in a process that can be killed. */
export class ServerProcess {
  readonly url: string;
  /** Null at every start but the first on a database. */
  readonly admin: string | null;
  readonly pid: number;
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ended: Promise<unknown>, url: string, admin: string | null) {
    this.#child = child;
    this.ended = ended;
    this.pid = child.pid!;
    this.url = url;
    this.admin = admin;
  }

  static async start({ data, port = 0, databaseUrl }: ServerProcessOptions): Promise<ServerProcess> {
    const args = ['server', '--port', `${port}`, '--data', data, '--log-level', 'warn'];
    const child = spawn(process.execPath, [join(ROOT, 'bin/edge-runner.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DATABASE_URL: databaseUrl ?? '' },
    });
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    const ended = once(child, 'close').then(() => process.off('exit', end));
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-10_000);
    });
    const greeting = await new Promise<string>((greeted, failed) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        // Its last line is empty.
        if (said.endsWith('\n')) greeted(said);
      });
      child.once('close', () => failed(new Error(`the server did not start: ${complaints}`)));
    });
    const url = /^edge-runner server: (\S+)/m.exec(greeting)![1]!;
    return new ServerProcess(child, ended, url, /admin token\s+(\S+)/.exec(greeting)?.[1] ?? null);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @param signal SIGKILL as a machine that loses its power. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }
}
