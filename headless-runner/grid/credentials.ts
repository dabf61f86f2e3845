import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../models/store/index.ts';
import { EdgeRunnerError } from '../../protocol/index.ts';

export interface Kept {
  credential: string;
  /** Hexadecimal sha256 of the enrolment token that it was given for; null where that was not noted. */
  token: string | null;
}

const all = z.record(
  z.string(),
  z.union([
    z.object({ credential: z.string(), token: z.string().nullable() }),
    // As it was kept before the token was noted.
    z.string().transform((credential): Kept => ({ credential, token: null })),
  ]),
);

/** What this machine's nodes are to the servers that they joined: by server and name, readable by its user alone. */
export class Credentials {
  readonly #path: string;

  constructor(path = defaultPath()) {
    this.#path = path;
  }

  async get(server: URL, node: string): Promise<Kept | null> {
    return (await this.#read())[keyOf(server, node)] ?? null;
  }

  /** @param kept null forgets it. */
  async set(server: URL, node: string, kept: Kept | null): Promise<void> {
    const { [keyOf(server, node)]: _, ...others } = await this.#read();
    const now = kept === null ? others : { ...others, [keyOf(server, node)]: kept };
    const part = `${this.#path}.${randomBytes(4).toString('hex')}`;
    try {
      await makeFolder(dirname(this.#path), 0o700);
      await writeFile(part, `${JSON.stringify(now, null, 2)}\n`, { mode: 0o600 });
      await rename(part, this.#path);
    } catch (error) {
      await rm(part, { force: true });
      throw new EdgeRunnerError(
        'output-unwritable',
        `What this machine is to the server cannot be kept in ${this.#path} (${(error as NodeJS.ErrnoException).code}).`,
        'Set XDG_CONFIG_HOME to a folder that this user may write to.',
        { cause: error },
      );
    }
  }

  /** What cannot be read is as good as nothing: the machine enrols anew. */
  async #read(): Promise<Record<string, Kept>> {
    const text = await readFile(this.#path, 'utf8').catch(() => '{}');
    try {
      return all.parse(JSON.parse(text));
    } catch {
      return {};
    }
  }
}

const keyOf = ({ origin }: URL, node: string) => `${origin} ${node}`;

const defaultPath = () =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'edge-runner', 'nodes.json');
