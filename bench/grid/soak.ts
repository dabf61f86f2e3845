import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasPostgres, startCluster } from '../../server/store/testing.ts';
import type { Measure, Section } from '../reporting/report.ts';
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
