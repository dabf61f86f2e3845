import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { PgliteDatabase } from './pglite.ts';
import { PostgresDatabase } from './postgres.ts';

/** A database for one test, empty but for its tables, that several servers may open where it can be shared. */
export interface TestDatabase {
  database: Database;
  /** `DATABASE_URL` of it; null where it is a folder. */
  url: string | null;
  folder: string | null;
  /** Ends it and all that it left. */
  close(): Promise<void>;
}

/** Both engines, the second where it is installed. */
export const ENGINES: { name: string; here: boolean; open(): Promise<TestDatabase> }[] = [
  { name: 'PGlite', here: true, open: openPglite },
  { name: 'PostgreSQL', here: hasPostgres(), open: openPostgres },
];

/** Opening one takes seconds: tests of one file share it, each with nothing in it. */
export async function emptyTables(db: Database): Promise<void> {
  const tables = await db.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'`,
  );
  await db.query(`TRUNCATE ${tables.map(({ name }) => `"${name}"`).join(', ')} CASCADE`);
}

async function openPglite(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-db-'));
  const database = await PgliteDatabase.open(folder);
  await migrate(database);
  return {
    ...{ database, folder, url: null },
    close: async () => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let cluster: Promise<Cluster> | null = null;
let count = 0;

async function openPostgres(): Promise<TestDatabase> {
  cluster ??= startCluster();
  const { url, port } = await cluster;
  const admin = await PostgresDatabase.open(url);
  const name = `t${process.pid}_${++count}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const own = `postgres://postgres@127.0.0.1:${port}/${name}`;
  const database = await PostgresDatabase.open(own);
  await migrate(database);
  return {
    ...{ database, url: own, folder: null },
    close: async () => {
      await database.close();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.close();
    },
  };
}

interface Cluster {
  url: string;
  port: number;
  /** Ends it as a power cut would. @returns what starts it again where it was. */
  crash(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** Ends the PostgreSQL that tests of this process started; for `afterAll`. */
export async function stopPostgres(): Promise<void> {
  const running = cluster;
  cluster = null;
  await (await running)?.stop();
}

/** A PostgreSQL of our own on a free port. It runs under another name when we are root: it refuses to as root. */
export async function startCluster(): Promise<Cluster> {
  const bin = binaries()!;
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-pg-'));
  const user = process.getuid?.() === 0 ? postgresUser() : null;
  if (user) chownSync(folder, user.uid, user.gid);
  const as = user ?? {};
  const data = join(folder, 'data');
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-sync'],
    {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    },
  );
  const port = await freePort();
  const run = async () => {
    const child = spawn(
      join(bin, 'postgres'),
      ['-D', data, '-p', `${port}`, '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
      { ...as, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const exited = once(child, 'exit');
    await new Promise<void>((ready, fail) => {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('ready to accept connections')) ready();
      });
      child.once('exit', () => fail(new Error(`PostgreSQL did not start: ${said}`)));
    });
    return { child, exited };
  };
  let running = await run();
  // A process that ends in the midst takes it along.
  const end = () => {
    running.child.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', end);
  const stop = async (signal: 'SIGINT' | 'SIGQUIT') => {
    running.child.kill(signal);
    await running.exited;
  };
  return {
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    crash: async () => {
      await stop('SIGQUIT');
      return async () => {
        running = await run();
      };
    },
    stop: async () => {
      process.off('exit', end);
      await stop('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether Debian's is installed. */
export function hasPostgres(): boolean {
  return binaries() !== null;
}

function binaries(): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return (
    versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb'))) ??
    null
  );
}

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
