import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasPostgres, startCluster } from '../../server/store/testing.ts';
import { startTestServer } from '../../server/testing.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { makeCutClip } from './cut-clip.ts';
import { DEATH_INTERVALS, DEATH_SEGMENTS, type DeathRound, nodeDeaths } from './node-deaths.ts';
import { type SiegeOutcome, siege } from './siege.ts';

const NODES = 50;
const KILL_EVERY_MS = 10_000;

/** Two servers on one PostgreSQL, one after the other killed, and the PostgreSQL too, until so many tasks are done. */
export async function soakGrid(folder: string, tasks: number): Promise<Section> {
  if (!hasPostgres()) throw new Error('PostgreSQL is not here (apt install postgresql)');
  const servers = join(folder, 'grid');
  mkdirSync(servers);
  const cluster = await startCluster();
  try {
    const outcome = await siege({
      ...{ databaseUrl: cluster.url, crashDatabase: cluster.crash, folder: servers },
      ...{ tasks, nodes: NODES, killEveryMs: KILL_EVERY_MS },
      say: (line) => process.stderr.write(`  ${line}\n`),
    });
    return sectionOf(outcome, tasks);
  } finally {
    await cluster.stop();
  }
}

function sectionOf(
  { kills, seconds, tasks: states, notOnce, overlaps, attempts }: SiegeOutcome,
  tasks: number,
): Section {
  const none = (id: string, what: string, value: number): Measure => ({
    ...{ id, what, unit: '', values: [value], better: 'lower', asked: { atMost: 0 } },
  });
  const inWords = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([state, count]) => `${count} ${state}`)
      .join(', ');
  return {
    id: 'grid',
    title: `grid: ${tasks} tasks on ${NODES} nodes, two servers and their PostgreSQL killed ${kills} times in turn, ${(seconds / 60).toFixed(1)} minutes`,
    text: [`Tasks: ${inWords(states)}. Attempts: ${inWords(attempts)}.`],
    measures: [
      none('undone', 'tasks that are not done', tasks - (states.done ?? 0)),
      none('not-once', 'tasks without exactly one accepted result', notOnce),
      none('overlaps', 'attempts at one task at the same time', overlaps),
    ],
    charts: [],
  };
}

/** A job on four nodes, two of which die at moments of chance, so many times. */
export async function soakNodes(folder: string, rounds: number): Promise<Section> {
  const clip = await makeCutClip(folder, DEATH_SEGMENTS);
  // Where it goes with all else, however this ends.
  const place = { folder: join(folder, 'nodes'), admin: '' };
  const server = await startTestServer({ intervals: DEATH_INTERVALS }, place);
  try {
    const seed = Date.now() % 2 ** 31;
    const all = await nodeDeaths({
      ...{ server, clip, folder, rounds, seed },
      say: (line) => process.stderr.write(`  ${line}\n`),
    });
    return sectionOfRounds(all, seed);
  } finally {
    await server.stop();
  }
}

function sectionOfRounds(rounds: readonly DeathRound[], seed: number): Section {
  const wrong = rounds.filter(({ faults }) => faults.length > 0);
  const lease = DEATH_INTERVALS.ttlMs / 1000;
  return {
    id: 'nodes',
    title: `nodes: two of four killed in the midst of a video, ${rounds.length} times`,
    text: [
      `Ideal: the work shared by the nodes that live at each time. A lease lasts ${lease} s. Seed ${seed}.`,
      ...wrong.map(({ faults }) => faults.join('; ')),
    ],
    measures: [
      {
        ...{ id: 'wrong', what: 'rounds whose output is not right', unit: '', better: 'lower' },
        ...{ values: [wrong.length], asked: { atMost: 0 } },
      },
      {
        ...{ id: 'late', what: 'longest time beyond the ideal, in lease times', unit: '', better: 'lower' },
        values: [Math.max(...rounds.map(({ seconds, ideal }) => (seconds - ideal) / lease))],
        asked: { atMost: 2 },
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'By round',
        x: { name: 'round', values: rounds.map((_, i) => i + 1) },
        series: [
          { name: 'time', unit: 's', values: rounds.map(({ seconds }) => seconds) },
          {
            name: 'beyond the ideal',
            unit: 's',
            values: rounds.map(({ seconds, ideal }) => seconds - ideal),
          },
        ],
      },
    ],
  };
}
