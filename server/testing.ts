import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { INTERVALS, type Intervals } from './grid/intervals.ts';
import { type RunningServer, startServer } from './main.ts';
import { SERVER_DEFAULTS, type ServerOptions } from './options.ts';
import { type Ask, askOf } from './testing-node.ts';

/** A server of a test's own, in this process, with what a test asks of it. */
export interface TestServer {
  running: RunningServer;
  url: string;
  /** Of scope admin. */
  admin: string;
  folder: string;
  ask: Ask;
  /** A token of the operator's tenant. */
  token(scope: string, more?: object): Promise<string>;
  /** Ends it and removes what it kept. */
  stop(): Promise<void>;
}

/** Everything quick, so that tests see leases end; enough for a busy machine. */
export const QUICK: Intervals = {
  ...INTERVALS,
  ttlMs: 4_000,
  renewMs: 500,
  acceptMs: 3_000,
  stallMs: 8_000,
  progressMs: 100,
  lookMs: 100,
  pingMs: 1_000,
  answerMs: 3_000,
};

/** For what real browsers do on a busy machine, and where no lease is to end. */
export const UNHURRIED: Intervals = { ...QUICK, ttlMs: 20_000, acceptMs: 10_000, stallMs: 120_000 };

export async function startTestServer(
  options: Partial<ServerOptions> = {},
  before?: Pick<TestServer, 'folder' | 'admin'>,
  log = pino({ level: process.env.EDGE_RUNNER_TEST_LOG ?? 'silent' }),
): Promise<TestServer> {
  const folder = before?.folder ?? mkdtempSync(join(tmpdir(), 'edge-runner-server-'));
  const running = await startServer(
    {
      ...SERVER_DEFAULTS,
      ...{ port: 0, data: folder, modelCache: join(folder, 'models'), intervals: QUICK },
      limits: { requests: 1e6, refusals: 1e6 },
      ...options,
    },
    log,
  );
  const admin = running.adminToken ?? before?.admin ?? '';
  const ask = askOf(running.url, admin);
  return {
    ...{ running, url: running.url, admin, folder, ask },
    token: async (scope, more = {}) => {
      const { body } = await ask<{ token: string }>('POST', '/v1/tokens', {
        body: { name: scope, scope, ...more },
      });
      return body.token;
    },
    stop: async () => {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
