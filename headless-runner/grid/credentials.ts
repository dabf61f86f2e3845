import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../models/store/index.ts';
import { EdgeRunnerError } from '../../protocol/index.ts';

const kept = z.record(z.string(), z.string());

/** What this machine's nodes are to the servers that they joined: by server and name, readable by its user alone. */
export class Credentials {
  readonly #path: string;

  constructor(path = defaultPath()) {
    this.#path = path;
  }

  async get(server: URL, node: string): Promise<string | null> {
    return (await this.#read())[keyOf(server, node)] ?? null;
  }

  /** @param credential null forgets it. */
  async set(server: URL, node: string, credential: string | null): Promise<void> {
    const { [keyOf(server, node)]: _, ...others } = await this.#read();
    const all = credential === null ? others : { ...others, [keyOf(server, node)]: credential };
    const part = `${this.#path}.${randomBytes(4).toString('hex')}`;
    try {
      await makeFolder(dirname(this.#path), 0o700);
      await writeFile(part, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
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
  async #read(): Promise<Record<string, string>> {
    const text = await readFile(this.#path, 'utf8').catch(() => '{}');
    try {
      return kept.parse(JSON.parse(text));
    } catch {
      return {};
    }
  }
}

const keyOf = ({ origin }: URL, node: string) => `${origin} ${node}`;

const defaultPath = () =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'edge-runner', 'nodes.json');
