import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';

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
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const part = `${this.#path}.${randomBytes(4).toString('hex')}`;
    await writeFile(part, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
    await rename(part, this.#path);
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
