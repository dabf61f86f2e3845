import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Argument, Command, InvalidArgumentError } from 'commander';
import type { Offer } from '../../protocol/index.ts';
import type { SimulatedNode } from '../../server/testing-node.ts';
import { describeMachine } from '../machine.ts';
import { ProcessTree } from '../measure/process-tree.ts';
import { failedSection, type Measure, type Report, type Section } from '../reporting/report.ts';
import { prepareFolder, saveReport } from '../reporting/save.ts';
import { sectionTable } from '../reporting/table.ts';
import { withScratch } from '../scratch.ts';
import { Load } from './load.ts';
import { ServerProcess } from './server-process.ts';
import { benchSubmit } from './submit.ts';

interface Options {
  nodes: number;
  /** Tasks a second that are handed in while latency is measured. */
  rate: number;
  /** Tasks that wait when throughput is measured. */
  tasks: number;
  seconds: number;
  report: string;
}

const SECTIONS = ['grid', 'submit'] as const;
type SectionName = (typeof SECTIONS)[number];

/** Tasks of a job. */
const JOB = 20;
/** How long a node is busy with a task while latency is measured, ms. */
const BUSY_MS = 2_000;

/**
 * `npm run bench:grid`: the job server under nodes without browsers, real sockets and real messages; the server in a
 * process of its own, whose processor time and memory are watched. `DATABASE_URL` is PostgreSQL instead of PGlite.
 */
async function main(): Promise<void> {
  const command = new Command('npm run bench:grid --')
    .addArgument(new Argument('[sections...]', 'of them (default: all)').choices(SECTIONS).default(SECTIONS))
    .option('--nodes <n>', 'nodes that are connected', count, 2_000)
    .option('--rate <n>', 'tasks a second handed in while latency is measured', count, 300)
    .option('--tasks <n>', 'tasks that wait when throughput is measured', count, 20_000)
    .option('--seconds <n>', 'how long heartbeats, and latency, are measured', count, 30)
    .option('--report <folder>', 'where the report goes', 'bench/report/grid')
    .parse();
  const options = command.opts<Options>();
  const [wanted] = command.processedArgs as [readonly SectionName[]];
  await prepareFolder(resolve(options.report));
  await withScratch('grid', async (folder) => {
    const began = Date.now();
    const report: Report = {
      ...{ v: 1, name: 'grid', made: new Date(began).toISOString(), machine: describeMachine('none', null) },
      seconds: 0,
      options: { nodes: `${options.nodes}`, rate: `${options.rate}`, tasks: `${options.tasks}` },
      sections: [],
    };
    const say = (line: string) => process.stderr.write(`  ${line}\n`);
    const works: Record<SectionName, () => Promise<Section>> = {
      grid: () => benchServer(folder, options, say),
      submit: () => benchSubmit(folder, say),
    };
    for (const name of SECTIONS.filter((one) => wanted.includes(one))) {
      const section = await works[name]().catch((error: unknown) => {
        process.exitCode = 1;
        return failedSection(name, error);
      });
      report.sections.push(section);
      report.seconds = Math.round((Date.now() - began) / 1000);
      console.log(sectionTable(section));
      saveReport(report, resolve(options.report));
    }
  });
}

async function benchServer(folder: string, options: Options, say: (line: string) => void): Promise<Section> {
  const databaseUrl = process.env.DATABASE_URL;
  const data = join(folder, 'server');
  mkdirSync(data);
  const server = await ServerProcess.start({ data, ...(databaseUrl && { databaseUrl }) });
  try {
    return await measure(server, options, databaseUrl ? 'PostgreSQL' : 'PGlite', say);
  } finally {
    await server.end('SIGTERM');
  }
}

async function measure(
  server: ServerProcess,
  options: Options,
  engine: string,
  say: (line: string) => void,
): Promise<Section> {
  const { nodes, rate, tasks, seconds } = options;
  const tree = new ProcessTree(server.pid);
  let onOffer = (_offer: Offer, _node: SimulatedNode) => {};
  say(`${nodes} nodes join`);
  const joinBegan = Date.now();
  const load = await Load.join(server, nodes, (offer, node) => onOffer(offer, node));
  const joinSeconds = (Date.now() - joinBegan) / 1000;
  try {
    say('heartbeats');
    const heartbeat = await heartbeats(load, options, (take) => (onOffer = take), tree);
    say(`${rate} tasks a second`);
    const latencies = await paced(load, rate, seconds, (take) => (onOffer = take));
    say(`${tasks} tasks at once`);
    const through = await throughput(load, tasks, (take) => (onOffer = take));
    const peak = Math.max(...tree.samples.map(({ memoryMiB }) => memoryMiB));
    return {
      id: 'grid',
      title: `${engine}: ${nodes} nodes`,
      text: [
        `Nodes without browsers, all in one other process. A heartbeat: every node holds a task, renews its lease, says how far it is and answers pings. Latency: ${rate} tasks a second in jobs of ${JOB}, each ${BUSY_MS / 1000} s of a node, from when the job is sent to when a node has the offer. Throughput: ${tasks} tasks handed in at once, nodes that are done at once, from the first job's sending to the last one's end.`,
      ],
      measures: [
        figure('join', 'nodes that enrol and connect', '1/s', nodes / joinSeconds, 'higher'),
        {
          ...figure('heartbeat', 'processor of the server for heartbeats', '% of a core', heartbeat, 'lower'),
          asked: { atMost: 20 },
        },
        figure('offer.p50', 'offer latency p50', 'ms', quantile(latencies, 0.5), 'lower'),
        {
          ...figure('offer.p99', 'offer latency p99', 'ms', quantile(latencies, 0.99), 'lower'),
          asked: { atMost: 250 },
          note: `${latencies.length} offers, ${(latencies.length / seconds).toFixed(0)} a second`,
        },
        { ...figure('throughput', 'tasks finished', '1/s', through, 'higher'), asked: { atLeast: 300 } },
        { ...figure('memory', 'most memory of the server', 'MiB', peak, 'lower'), asked: { atMost: 1536 } },
      ],
      charts: [],
    };
  } finally {
    tree.stop();
    await load.leave();
  }
}

type Told = (onOffer: (offer: Offer, node: SimulatedNode) => void) => void;

/** Every node busy with one long task. @returns percent of a core. */
async function heartbeats(
  load: Load,
  { nodes, seconds }: Options,
  told: Told,
  tree: ProcessTree,
): Promise<number> {
  const working: { offer: Offer; node: SimulatedNode }[] = [];
  const all = new Promise<void>((resolve) => {
    told((offer, node) => {
      node.accept(offer);
      if (working.push({ offer, node }) === nodes) resolve();
    });
  });
  await Promise.all(
    Array.from({ length: Math.ceil(nodes / JOB) }, (_, i) => load.submit(Math.min(JOB, nodes - i * JOB))),
  );
  await all;
  let over = false;
  for (const { offer, node } of working) sayProgress(node, offer, () => over);
  try {
    await wait(RENEWED_MS);
    const began = Date.now();
    await wait(seconds * 1000);
    const ended = Date.now();
    return (100 * tree.cpuBetween(began, ended)) / ((ended - began) / 1000);
  } finally {
    over = true;
    for (const { offer, node } of working) node.finish(offer);
  }
}

/** As often as the node was told to, which changes. */
function sayProgress(
  node: SimulatedNode,
  held: Pick<Offer, 'attempt' | 'lease'>,
  over: () => boolean,
  seq = 1,
): void {
  setTimeout(() => {
    if (over()) return;
    const { attempt, lease } = held;
    node.send({ type: 'progress', attempt, lease, seq, frames: seq, of: 1e6, fps: 30 });
    sayProgress(node, held, over, seq + 1);
  }, node.progressMs);
}

/** Tasks that come at an even pace. @returns milliseconds from the job's sending to each offer's arrival, sorted. */
async function paced(load: Load, rate: number, seconds: number, told: Told): Promise<number[]> {
  const sent = new Map<string, number>();
  const arrived: { job: string; at: number }[] = [];
  told((offer, node) => {
    arrived.push({ job: offer.work.job, at: performance.now() });
    node.accept(offer);
    setTimeout(() => node.finish(offer), BUSY_MS);
  });
  await wait(SETTLE_MS);
  const jobs: Promise<void>[] = [];
  const every = (1000 * JOB) / rate;
  const began = performance.now();
  for (let i = 0; i * every < seconds * 1000; i++) {
    await wait(Math.max(0, began + i * every - performance.now()));
    const at = performance.now();
    jobs.push(load.submit(JOB).then((id) => void sent.set(id, at)));
  }
  await Promise.all(jobs);
  await allDone(load, [...sent.keys()]);
  return arrived.map(({ job, at }) => at - sent.get(job)!).sort((a, b) => a - b);
}

/** @returns tasks a second. */
async function throughput(load: Load, tasks: number, told: Told): Promise<number> {
  told((offer, node) => {
    node.accept(offer);
    node.finish(offer);
  });
  await wait(SETTLE_MS);
  const began = performance.now();
  const ids: string[] = [];
  for (let left = tasks; left > 0; left -= BACKLOG_JOB)
    ids.push(await load.submit(Math.min(BACKLOG_JOB, left)));
  await allDone(load, ids);
  return tasks / ((performance.now() - began) / 1000);
}

async function allDone(load: Load, jobs: readonly string[]): Promise<void> {
  for (const job of jobs) {
    while (true) {
      const { state } = await load.stateOf(job);
      if (state === 'done') break;
      if (state === 'failed' || state === 'cancelled') throw new Error(`job ${job} ${state}`);
      await wait(20);
    }
  }
}

/** Between two parts of the measuring, ms. */
const SETTLE_MS = 3_000;
/** Longer than a node takes to renew: by then each knows how often to speak. */
const RENEWED_MS = 12_000;
const BACKLOG_JOB = 500;

const figure = (
  id: string,
  what: string,
  unit: string,
  value: number,
  better: Measure['better'],
): Measure => ({
  ...{ id, what, unit, values: [value], better },
});

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Give a whole number above 0.');
}

await main().catch((error: unknown) => {
  process.stderr.write(`edge-runner bench:grid: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
