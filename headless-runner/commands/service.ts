import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { Command } from 'commander';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { fetchBrowser, fetchedBrowser } from '../browser/fetch.ts';
import { findBrowser } from '../browser/find.ts';
import { GridClient } from '../grid/client.ts';
import { credentialOf, nodeName } from '../grid/enrol.ts';
import { readGpus } from '../grid/gpus.ts';
import { readReach } from '../grid/server-options.ts';
import { untilInterrupted } from '../run/interrupt.ts';
import { noManager } from '../service/ask-system.ts';
import { launchd } from '../service/launchd.ts';
import type { ServiceManager } from '../service/service.ts';
import { systemd } from '../service/systemd.ts';
import { addJoinOptions, type JoinOptions, readLimits } from './join-options.ts';

/** What the service's process should find as it is here and now: paths, all of them. */
const CARRIED = [
  ...['PATH', 'NODE_EXTRA_CA_CERTS', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME'],
  ...['EDGE_RUNNER_BROWSER', 'EDGE_RUNNER_MODELS', 'EDGE_RUNNER_CACHE'],
];
/** Of those, what is several folders. */
const LISTS: ReadonlySet<string> = new Set(['PATH', 'EDGE_RUNNER_MODELS']);
/** Options of `join` that are a path. */
const PATHS: ReadonlySet<string> = new Set(['--cert', '--key']);
/** Those that are of no more use once it is enrolled. */
const SPENT: ReadonlySet<string> = new Set(['--token', '--token-file']);

/** `edge-runner join`, started with the machine. */
export function serviceCommand(): Command {
  const command = new Command('service').description('start "join" with this machine (systemd, launchd)');
  addJoinOptions(
    command
      .command('install')
      .description('write a service that joins a server, and start it now and with the machine'),
  ).action((server: string, options: JoinOptions, install: Command) =>
    untilInterrupted((signal) => installService(server, options, install, signal)),
  );
  command
    .command('status')
    .description('whether the service runs; exit code 1 where it does not')
    .action(showStatus);
  command
    .command('remove')
    .description('stop the service, once it has finished what it does, and remove it')
    .action(removeService);
  return command;
}

async function installService(
  server: string,
  options: JoinOptions,
  install: Command,
  signal: AbortSignal,
): Promise<void> {
  const manager = managerHere();
  const address = readReach(server, options);
  readLimits(options);
  const gpus = await readGpus(options.gpus);
  // Before anything is fetched, and before the server is told of a machine that would never come.
  await manager.check();
  await ensureBrowser();
  // Enrolled now: whoever installs it sees what is wrong, and no token has to lie anywhere afterwards.
  const client = await GridClient.open(address, signal);
  for (const gpu of gpus) await credentialOf(client, nodeName(options.name, gpu), address.token);
  const { file, notes } = await manager.install({
    command: [process.execPath, program(), 'join', address.url.origin, ...joinArgs(install)],
    environment: carried(),
    // Where it is installed from may be gone tomorrow.
    folder: homedir(),
  });
  say(`installed ${file}; this machine works for ${address.url.origin} now, and whenever it is on`);
  for (const note of notes) say(note);
}

async function showStatus(): Promise<void> {
  const { file, running, words } = await managerHere().status();
  process.stdout.write(file ? `${words}\n${file}\n` : 'not installed\n');
  if (!running) process.exitCode = 1;
}

async function removeService(): Promise<void> {
  const failed = await managerHere().remove();
  if (failed === null) return say('there is no service to remove');
  say('removed; the dashboard of the server still knows this machine until it is revoked there');
  for (const what of failed) say(what);
  if (failed.length > 0) process.exitCode = 1;
}

/** @throws {EdgeRunnerError} `no-service-manager` */
function managerHere(): ServiceManager {
  if (process.platform === 'linux') return systemd();
  if (process.platform === 'darwin') return launchd();
  throw noManager('systemd or launchd');
}

/** A service that starts and finds no browser would only be known from its log. */
async function ensureBrowser(): Promise<void> {
  try {
    findBrowser(await fetchedBrowser());
  } catch {
    say('there is no Chrome here: fetching Chrome for Testing');
    await fetchBrowser();
  }
}

/** @throws {EdgeRunnerError} `usage` where it would be gone before long. */
function program(): string {
  const path = realpathSync(process.argv[1]!);
  if (!path.includes('/_npx/')) return path;
  throw new EdgeRunnerError(
    'usage',
    'What npx fetched does not stay: a service needs edge-runner installed.',
    'Run "npm install -g edge-runner", then "edge-runner service install".',
  );
}

/** With paths that mean the same from everywhere. */
function carried(): Record<string, string> {
  const absolute = (name: string, value: string) =>
    LISTS.has(name)
      ? value
          .split(delimiter)
          .map((folder) => folder && resolve(folder))
          .join(delimiter)
      : resolve(value);
  return Object.fromEntries(
    CARRIED.flatMap((name) => (process.env[name] ? [[name, absolute(name, process.env[name])]] : [])),
  );
}

/** The options as they were given, but for the token, and for paths that were meant from here. */
function joinArgs(install: Command): string[] {
  const root = install.parent!.parent as Command & { rawArgs: string[] };
  const given = root.rawArgs.slice(root.rawArgs.indexOf('install') + 1);
  const kept: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const [, name, joined] = /^(--[^=]+)(?:=(.*))?$/s.exec(given[i]!) ?? [];
    const option = install.options.find(({ long }) => long === name);
    // The address of the server, which is written by itself.
    if (!name || !option) continue;
    const value = option.required ? (joined ?? given[++i]!) : null;
    if (SPENT.has(name)) continue;
    kept.push(name);
    if (value !== null) kept.push(PATHS.has(name) ? resolve(value) : value);
  }
  return kept;
}

const say = (line: string): void => {
  process.stderr.write(`edge-runner: ${line}\n`);
};
