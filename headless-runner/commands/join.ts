import { totalmem } from 'node:os';
import { Command } from 'commander';
import { EdgeRunnerError, type NodeHold, type NodeStatus } from '../../protocol/index.ts';
import { fetchedBrowser } from '../browser/fetch.ts';
import { findBrowser } from '../browser/find.ts';
import { GridClient } from '../grid/client.ts';
import { Credentials } from '../grid/credentials.ts';
import { credentialOf, nodeName } from '../grid/enrol.ts';
import { readGpus } from '../grid/gpus.ts';
import { NodeBrowser } from '../grid/node-browser.ts';
import { NodeWatch } from '../grid/node-watch.ts';
import { Relay } from '../grid/relay.ts';
import { readReach } from '../grid/server-options.ts';
import { Guard } from '../sensors/guard.ts';
import { sensorsOf } from '../sensors/sensors.ts';
import { addJoinOptions, type JoinOptions, readLimits } from './join-options.ts';

/** Put in by the build. */
declare const __VERSION__: string;

const MIB = 1 << 20;

export const joinCommand = (): Command =>
  addJoinOptions(new Command('join').description("this machine's browsers become nodes of a server")).action(
    join,
  );

async function join(server: string, options: JoinOptions): Promise<void> {
  const address = readReach(server, options);
  const limits = readLimits(options);
  const gpus = await readGpus(options.gpus);
  const executablePath = findBrowser(await fetchedBrowser());
  await untilDrained(async (leaving, gone) => {
    const client = await GridClient.open(address, gone);
    const relay = await Relay.start(client.server, client.agent);
    const memoryCap = (options.memoryCap ?? totalmem() / MIB / 2 / gpus.length) * MIB;
    try {
      const nodes: { name: string; browser: NodeBrowser; watch: NodeWatch }[] = [];
      // One after the other: what they are to the server stands in one file.
      for (const gpu of gpus) {
        const name = nodeName(options.name, gpu);
        const credential = await credentialOf(client, name, address.token);
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
        nodes.push({
          name,
          browser,
          watch: new NodeWatch({ sensors, guard: new Guard(limits), browser, log }),
        });
      }
      whenAborted(leaving, () => {
        for (const { browser } of nodes) browser.drain();
      });
      whenAborted(gone, () => {
        for (const { browser } of nodes) void browser.close();
      });
      const ends = await Promise.all(
        nodes.map(async ({ browser, watch }) => {
          try {
            await watch.start();
            return await browser.run();
          } finally {
            await watch.stop();
          }
        }),
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

/** Says what changed, once. */
function statusTeller(log: (message: string) => void): (status: NodeStatus) => void {
  let told = '';
  return ({ state, name, error, pause, hold, attempts, done, failed }) => {
    const tasks = attempts.length === 0 ? '' : `, ${attempts.length} under way`;
    const words = {
      connecting: error ? `not connected: ${error.message}` : 'connecting',
      online: `connected${name ? ` as ${name}` : ''}${pause ? ', paused' : ''}`,
      draining: hold ? heldWords(hold) : 'takes no new work',
      stopped: error ? `${error.message} ${error.remedy}` : 'gone',
    }[state];
    const line = `${words}${tasks}${done > 0 ? `, ${done} done` : ''}${failed > 0 ? `, ${failed} failed` : ''}`;
    if (line === told) return;
    told = line;
    log(line);
  };
}

/** Why the server gives a node nothing, and until when. */
function heldWords({ state, reason, until }: NodeHold): string {
  const why = reason ? `: ${reason}` : '';
  const when = until ? `, until ${new Date(until).toLocaleTimeString()}` : '';
  return `${state} by the server${why}${when}`;
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

/** Also where that was before anybody listened. */
function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
