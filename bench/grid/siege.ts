import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { JobView } from '../../protocol/index.ts';
import { askOf, patternJob, SimulatedNode } from '../../server/testing-node.ts';
import { ServerProcess } from './server-process.ts';

export interface SiegeOptions {
  /** Of a PostgreSQL database with nothing in it. */
  databaseUrl: string;
  /** Ends that PostgreSQL as a power cut would; what it gives starts it again. */
  crashDatabase: () => Promise<() => Promise<void>>;
  /** For what the servers keep. */
  folder: string;
  tasks: number;
  nodes: number;
  /** Between two deaths, milliseconds: of one server, the other one, the database. */
  killEveryMs: number;
  /** Hears of each death, and how many tasks were done. */
  say?: (line: string) => void;
}

/** What the database says when all is over. */
export interface SiegeOutcome {
  kills: number;
  seconds: number;
  /** Tasks by state. */
  tasks: Record<string, number>;
  /** Tasks without exactly one attempt that is done, or whose accepted attempt is another one. */
  notOnce: number;
  /** Pairs of attempts at one task that were alive at the same time. */
  overlaps: number;
  /** Attempts by state. */
  attempts: Record<string, number>;
}

/** Tasks of a job. */
const JOB = 100;
const SERVERS = 2;
/** Jobs are done in about the order in which they came: none waits long after the one before it, milliseconds. */
const PATIENCE = 180_000;

/**
 * Two servers on one PostgreSQL, nodes that go from one to the other, and SIGKILL for one server after the other, and
 * for the database under both, while all tasks are done.
 */
export async function siege(options: SiegeOptions): Promise<SiegeOutcome> {
  const { tasks, nodes } = options;
  const began = Date.now();
  const servers = new Servers(options);
  let crowd: Crowd | null = null;
  const over = new AbortController();
  try {
    const first = await servers.start();
    const admin = first.admin!;
    const jobs: string[] = [];
    for (let left = tasks; left > 0; left -= JOB) {
      const { body } = await askOf(first.url, admin)<JobView>('POST', '/v1/jobs', {
        body: { spec: patternJob(Math.min(JOB, left)) },
      });
      jobs.push(body.id);
    }
    crowd = await Crowd.join(servers, first, admin, nodes);
    const killing = killNow(servers, options, over.signal);
    const done = untilDone(servers, admin, jobs, over.signal).finally(() => over.abort());
    const [kills] = await Promise.all([killing, done]);
    return { kills, seconds: (Date.now() - began) / 1000, ...(await judge(options.databaseUrl)) };
  } finally {
    over.abort();
    await crowd?.leave();
    await servers.stop();
  }
}

/** Kills one after the other, and starts it anew where it was. @returns how often. */
async function killNow(
  servers: Servers,
  { killEveryMs, crashDatabase, say = () => {} }: SiegeOptions,
  over: AbortSignal,
): Promise<number> {
  for (let kills = 0; ; kills++) {
    await wait(killEveryMs, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return kills;
    // A server, the database, the other server.
    const server = [0, null, 1][kills % (SERVERS + 1)] ?? null;
    if (server === null) await (await crashDatabase())();
    else await servers.kill(server);
    say(`${server === null ? 'the database' : `server ${server + 1}`} killed: death ${kills + 1}`);
  }
}

async function untilDone(
  servers: Servers,
  admin: string,
  jobs: readonly string[],
  over: AbortSignal,
): Promise<void> {
  for (const job of jobs) {
    const began = Date.now();
    while (!over.aborted) {
      if (Date.now() - began > PATIENCE) throw new Error(`job ${job} is not done after ${PATIENCE / 1000} s`);
      // Whichever answers: one of them may just have died.
      const state = await askOf(servers.urls[0]!, admin)<JobView>('GET', `/v1/jobs/${job}`)
        .catch(() => askOf(servers.urls[1]!, admin)<JobView>('GET', `/v1/jobs/${job}`))
        .then(({ body }) => body.state)
        .catch(() => null);
      if (state === 'done') break;
      if (state === 'failed' || state === 'cancelled') throw new Error(`job ${job} ${state}`);
      await wait(100);
    }
  }
}

/** Two servers, each with an address that it keeps. */
class Servers {
  readonly urls: string[] = [];
  readonly #options: SiegeOptions;
  readonly #ports: number[] = [];
  readonly #running: (ServerProcess | null)[] = [];

  constructor(options: SiegeOptions) {
    this.#options = options;
  }

  /** @returns the first of them, which made the tables. */
  async start(): Promise<ServerProcess> {
    for (let i = 0; i < SERVERS; i++) {
      this.#ports.push(await freePort());
      this.urls.push((await this.#begin(i)).url);
    }
    return this.#running[0]!;
  }

  /** Dead, and there again when the promise settles. */
  async kill(i: number): Promise<void> {
    if (!this.#running[i]!.alive) throw new Error(`server ${i + 1} died by itself`);
    await this.#running[i]!.end('SIGKILL');
    this.#running[i] = null;
    await this.#begin(i);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((server) => server?.end('SIGTERM')));
  }

  async #begin(i: number): Promise<ServerProcess> {
    const { folder, databaseUrl } = this.#options;
    // What a server keeps beside the database is one folder for all, as where files lie in S3.
    const data = join(folder, `server-${i}`);
    mkdirSync(data, { recursive: true });
    const server = await ServerProcess.start({ data, port: this.#ports[i]!, databaseUrl });
    this.#running[i] = server;
    return server;
  }
}

/** Nodes that go to the other server when theirs is gone, and keep what they have. */
class Crowd {
  readonly #nodes: SimulatedNode[] = [];
  readonly #living: Promise<void>[] = [];
  #over = false;

  static async join(servers: Servers, first: ServerProcess, admin: string, count: number): Promise<Crowd> {
    const crowd = new Crowd();
    const ask = askOf(first.url, admin);
    const { body } = await ask<{ token: string }>('POST', '/v1/tokens', {
      body: { name: 'nodes', scope: 'enrol' },
    });
    for (let i = 0; i < count; i++) {
      const node = await SimulatedNode.enrol(
        { url: first.url, ask },
        body.token,
        {
          keeps: false,
          slots: 2,
          onOffer: (offer, who) => {
            who.accept(offer);
            // As different as nodes are, and the same at every run.
            setTimeout(() => who.finish(offer), 100 + ((i * 37) % 300));
          },
        },
        `node-${i}`,
      );
      crowd.#nodes.push(node);
      crowd.#living.push(crowd.#live(node, servers, i));
    }
    return crowd;
  }

  async leave(): Promise<void> {
    this.#over = true;
    for (const node of this.#nodes) node.vanish();
    await Promise.all(this.#living);
  }

  /** From server to server, for as long as it is wanted. */
  async #live(node: SimulatedNode, { urls }: Servers, start: number): Promise<void> {
    for (let turn = start; !this.#over; turn++) {
      node.url = urls[turn % urls.length]!;
      try {
        await node.connect();
        // What it was done with while nobody listened, it says now.
        for (const offer of node.held) node.finish(offer);
        await node.closed;
      } catch {
        await wait(200);
      }
    }
  }
}

/** By a reader that is not the server. */
async function judge(
  databaseUrl: string,
): Promise<Pick<SiegeOutcome, 'tasks' | 'notOnce' | 'overlaps' | 'attempts'>> {
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  try {
    const counts = async (table: string) => {
      const { rows } = await db.query<{ state: string; count: number }>(
        `SELECT state, count(*)::int AS count FROM ${table} GROUP BY state`,
      );
      return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    };
    const one = async (sql: string) => (await db.query<{ count: number }>(sql)).rows[0]!.count;
    return {
      tasks: await counts('task'),
      attempts: await counts('attempt'),
      notOnce: await one(
        `SELECT count(*)::int AS count FROM task WHERE (
           SELECT array_agg(id) FROM attempt WHERE attempt.task = task.id AND attempt.state = 'done'
         ) IS DISTINCT FROM ARRAY[task.accepted_attempt]`,
      ),
      overlaps: await one(
        `SELECT count(*)::int AS count FROM attempt a JOIN attempt b ON b.task = a.task AND b.n > a.n
         WHERE b.started_at < coalesce(a.ended_at, 'infinity')`,
      ),
    };
  } finally {
    await db.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
