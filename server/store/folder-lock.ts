import { randomBytes } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** Milliseconds between two signs of life, and after how many without one the holder is taken as gone. */
const BEAT = 5_000;
const SILENCE = 30_000;

interface Holder {
  pid: number;
  host: string;
  /** When the process began, as the system tells it: ids are used again. Null where it does not. */
  began: string | null;
  since: string;
}

/** Holds a folder for this process alone: two databases on one folder lose rows without an error. */
export class FolderLock {
  readonly #path: string;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#beat = setInterval(() => this.#live(), BEAT);
    this.#beat.unref();
  }

  /** @throws {EdgeRunnerError} `data-locked`, naming who holds it. */
  static take(folder: string): FolderLock {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'server.lock');
    const own = `${path}.${randomBytes(6).toString('hex')}`;
    const holder: Holder = {
      pid: process.pid,
      host: hostname(),
      began: beganAt(process.pid),
      since: new Date().toISOString(),
    };
    writeFileSync(own, JSON.stringify(holder), { mode: 0o600 });
    try {
      // A link is made whole or not at all, and never over one that is there.
      for (let tries = 0; tries < 3; tries++) {
        try {
          linkSync(own, path);
          return new FolderLock(path);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        }
        const other = readHolder(path);
        if (other && lives(other, path)) throw held(folder, other);
        // Taken aside first: of two that find the same dead lock only one gets it out of the way.
        const aside = `${own}.old`;
        try {
          renameSync(path, aside);
        } catch {
          continue;
        }
        rmSync(aside, { force: true });
      }
      throw held(folder, readHolder(path));
    } finally {
      rmSync(own, { force: true });
    }
  }

  release(): void {
    clearInterval(this.#beat);
    rmSync(this.#path, { force: true });
  }

  #live(): void {
    const now = new Date();
    try {
      utimesSync(this.#path, now, now);
    } catch {
      // The folder went away beneath us; whoever writes there next says so.
    }
  }
}

function readHolder(path: string): Holder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return null;
  }
}

/** On this machine the process tells; from another one (a shared folder) the age of its last sign of life does. */
function lives({ pid, host, began }: Holder, path: string): boolean {
  if (host !== hostname()) {
    try {
      return Date.now() - statSync(path).mtimeMs < SILENCE;
    } catch {
      return false;
    }
  }
  if (pid === process.pid && began === beganAt(pid)) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return began === null || began === beganAt(pid);
}

/** Start of a process in the system's own clock ticks: proc(5), field 22. */
function beganAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

const held = (folder: string, holder: Holder | null) =>
  new EdgeRunnerError(
    'data-locked',
    `Another server keeps its data in ${folder}${holder ? `: process ${holder.pid} on ${holder.host}, since ${holder.since}` : ''}.`,
    'Stop it first, give this one another folder with --data, or let both use one PostgreSQL (DATABASE_URL).',
  );
