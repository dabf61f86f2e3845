import { hostname, totalmem } from 'node:os';
import { Command } from 'commander';
import { type BackendChoice, EdgeRunnerError, enrolledNode, type NodeStatus } from '../../protocol/index.ts';
import { fetchedBrowser } from '../browser/fetch.ts';
import { findBrowser } from '../browser/find.ts';
import { GridClient } from '../grid/client.ts';
import { Credentials } from '../grid/credentials.ts';
import { readGpus } from '../grid/gpus.ts';
import { NodeBrowser } from '../grid/node-browser.ts';
import { NodeWatch } from '../grid/node-watch.ts';
import { Relay } from '../grid/relay.ts';
import { addReachOptions, type ReachOptions, readReach } from '../grid/server-options.ts';
import { readBackend, readCount } from '../run/options.ts';
import { Guard } from '../sensors/guard.ts';
import { Schedule } from '../sensors/schedule.ts';
import { sensorsOf } from '../sensors/sensors.ts';
import { readLabels, readRegion } from './token.ts';

interface Options extends ReachOptions {
  name: string;
  gpus?: string;
  concurrency: number;
  labels: string[];
  region?: string;
  backend: BackendChoice;
  memoryCap?: number;
  warnAt: number;
  stopAt: number;
  onBattery: boolean;
  schedule?: Schedule;
  headed: boolean;
}

/** Put in by the build. */
declare const __VERSION__: string;

const MIB = 1 << 20;

export function joinCommand(): Command {
  return addReachOptions(
    new Command('join')
      .description("this machine's browsers become nodes of a server")
      .argument('<server>', 'address of the server')
      .option('--name <name>', 'what this machine is called there', hostname())
      .option('--gpus <which>', 'one browser for each of these GPUs: all, or numbers such as 0,2')
      .option('--concurrency <n>', 'tasks at a time of each browser', readCount('--concurrency', 1), 1)
      .option('--labels <labels>', 'labels of this machine, with commas between', readLabels, [])
      .option('--region <region>', 'where it stands, if its token does not say so', readRegion)
      .option('--backend <backend>', 'auto, webgpu or cpu', readBackend, 'auto')
      .option(
        '--memory-cap <mib>',
        'replace a browser that has more than this (default: half of the memory, shared by all)',
        readCount('--memory-cap', 256),
      )
      .option(
        '--schedule <hours>',
        'work in these hours only: "mon-fri 22:00-07:00, sat-sun 0:00-24:00"',
        (text) => Schedule.read(text),
      )
      .option('--on-battery', 'work on battery too', false)
      .option('--warn-at <celsius>', 'warn when processor or GPU is this hot', readDegrees('--warn-at'), 85)
      .option(
        '--stop-at <celsius>',
        'rest when it is this hot, until it is cooler than --warn-at',
        readDegrees('--stop-at'),
        95,
      )
      .option('--headed', 'show the browsers', false),
  ).action(join);
}

async function join(server: string, options: Options): Promise<void> {
  const address = readReach(server, options);
  const { warnAt: warn, stopAt: stop, onBattery, schedule = null } = options;
  if (warn >= stop)
    throw new EdgeRunnerError(
      'option-invalid',
      `--warn-at ${warn} is not below --stop-at ${stop}.`,
      'A machine that has stopped goes on when it is cooler than --warn-at.',
    );
  const gpus = await readGpus(options.gpus);
  const executablePath = findBrowser(await fetchedBrowser());
  await untilDrained(async (leaving, gone) => {
    const client = await GridClient.open(address, gone);
    const relay = await Relay.start(client.server, client.agent);
    const memoryCap = (options.memoryCap ?? totalmem() / MIB / 2 / gpus.length) * MIB;
    try {
      const nodes = await Promise.all(
        gpus.map(async (gpu) => {
          const name = gpu.index === null ? options.name : `${options.name} GPU ${gpu.index}`;
          const credential = await credentialOf(client, name, address.token !== null);
          const log = (message: string) => say(`${name}: ${message}`);
          const sensors = sensorsOf(gpu.address);
          const device = await sensors.device();
          const { backend, headed, labels, region } = options;
          const browser = new NodeBrowser({
            ...{ name, memoryCap, log, origin: relay.origin },
            launch: { executablePath, backend, headed, env: gpu.env },
            config: {
              ...{ credential, build: __VERSION__, slots: options.concurrency, labels, device },
              ...(region !== undefined && { region }),
            },
            onStatus: statusTeller(log),
          });
          const guard = new Guard({ temperature: { warn, stop }, onBattery, schedule });
          const watch = new NodeWatch({ sensors, guard, browser, log });
          await watch.start();
          return { name, browser, watch };
        }),
      );
      leaving.addEventListener('abort', () => {
        for (const { browser } of nodes) browser.drain();
      });
      gone.addEventListener('abort', () => {
        for (const { browser } of nodes) void browser.close();
      });
      const ends = await Promise.all(
        nodes.map(({ browser, watch }) => browser.run().finally(() => watch.stop())),
      );
      const revoked = nodes.filter((_, i) => ends[i] === 'revoked');
      for (const { name } of revoked) await new Credentials().set(client.server, name, null);
      if (revoked.length > 0)
        throw new EdgeRunnerError(
          'node-revoked',
          `The server wants ${revoked.map(({ name }) => name).join(', ')} no more.`,
          'Ask whoever runs it for a new enrolment token.',
        );
    } finally {
      await relay.close();
    }
  });
}

/** What this machine was given before, while the server still knows it; else the token is exchanged for one. */
async function credentialOf(client: GridClient, name: string, hasToken: boolean): Promise<string> {
  const credentials = new Credentials();
  const kept = await credentials.get(client.server, name);
  if (kept !== null && (await client.knowsNode(kept))) return kept;
  if (!hasToken)
    throw new EdgeRunnerError(
      'token-missing',
      `${client.server.origin} does not know this machine, and there is no token.`,
      'Give an enrolment token with --token-file or EDGE_RUNNER_TOKEN.',
    );
  const { credential } = enrolledNode.parse(
    await client.send('POST', '/v1/nodes', { name, host: 'headless' }),
  );
  await credentials.set(client.server, name, credential);
  return credential;
}

const readDegrees = (option: string) => (text: string) => {
  const degrees = Number(text);
  if (text.trim() !== '' && degrees > 0 && degrees <= 150) return degrees;
  throw new EdgeRunnerError(
    'option-invalid',
    `${option} does not take "${text}".`,
    'Give degrees Celsius, such as 85.',
  );
};

/** Says what changed, once. */
function statusTeller(log: (message: string) => void): (status: NodeStatus) => void {
  let told = '';
  return ({ state, name, error, pause, attempts, done, failed }) => {
    const tasks = attempts.length === 0 ? '' : `, ${attempts.length} under way`;
    const words = {
      connecting: error ? `not connected: ${error.message}` : 'connecting',
      online: `connected${name ? ` as ${name}` : ''}${pause ? ', paused' : ''}`,
      draining: 'takes no new work',
      stopped: error ? `${error.message} ${error.remedy}` : 'gone',
    }[state];
    const line = `${words}${tasks}${done > 0 ? `, ${done} done` : ''}${failed > 0 ? `, ${failed} failed` : ''}`;
    if (line === told) return;
    told = line;
    log(line);
  };
}

/** A first SIGTERM or Ctrl-C drains, a second one ends at once. */
async function untilDrained(work: (leaving: AbortSignal, gone: AbortSignal) => Promise<void>): Promise<void> {
  const leaving = new AbortController();
  const gone = new AbortController();
  const stop = () => {
    if (leaving.signal.aborted) gone.abort();
    else {
      say('finishing what is under way; once more ends it at once');
      leaving.abort();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, stop);
  try {
    await work(leaving.signal, gone.signal);
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
