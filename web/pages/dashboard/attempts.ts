import type { JobDetail, JobEvent } from '../../../protocol/index.ts';
import { clock, duration, plural } from '../shared/words.ts';
import { ATTEMPT_STANDINGS, type Standing } from './states.ts';

/** The attempts of a job by who made them, and what its tasks are called. */

type Task = JobDetail['taskList'][number];
export type Attempt = Task['attempts'][number] & { task: Task };

/** All that one node did of a job; or the server itself, whose id is null. */
export interface Lane {
  node: string | null;
  /** No two lanes have the same. */
  name: string;
  attempts: Attempt[];
}

export function lanesOf({ taskList }: Pick<JobDetail, 'taskList'>): Lane[] {
  const attempts = taskList
    .flatMap((task) => task.attempts.map((attempt): Attempt => ({ ...attempt, task })))
    .toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
  const lanes = new Map<string | null, Lane>();
  const taken = new Set<string>();
  for (const attempt of attempts) {
    let lane = lanes.get(attempt.nodeId);
    if (!lane) {
      const name = attempt.node ?? 'the server';
      let unlike = name;
      for (let i = 2; taken.has(unlike); i++) unlike = `${name} ${i}`;
      taken.add(unlike);
      lane = { node: attempt.nodeId, name: unlike, attempts: [] };
      lanes.set(attempt.nodeId, lane);
    }
    lane.attempts.push(attempt);
  }
  return [...lanes.values()];
}

/** In which row of its lane each attempt stands: those that a node had at the same time lie below each other. */
export function rowsOf(attempts: readonly Attempt[]): number[] {
  const until: number[] = [];
  return attempts.map(({ startedAt, endedAt }) => {
    const begin = Date.parse(startedAt);
    const free = until.findIndex((end) => end <= begin);
    const row = free < 0 ? until.length : free;
    until[row] = endedAt ? Date.parse(endedAt) : Number.POSITIVE_INFINITY;
    return row;
  });
}

/** What tasks are called: of a source that is cut into segments each by its place. */
export function taskNames({ taskList }: Pick<JobDetail, 'taskList'>): (task: Task) => string {
  const segments = new Map<string, number>();
  // Some are gone through twice.
  for (const { source, segment } of taskList)
    if (segment) segments.set(source, Math.max(segments.get(source) ?? 0, segment.ordinal + 1));
  return ({ kind, ordinal, source, segment }) => {
    if (kind === 'probe') return `look at ${source}`;
    if (kind === 'sound') return `sound of ${source}`;
    if (kind === 'stitch') return `stitching of ${source}`;
    if (kind === 'follow') return `following through ${source}`;
    if (segment)
      return `${kind === 'render' ? 'drawing of ' : ''}segment ${segment.ordinal + 1} of ${segments.get(source)} of ${source}`;
    return `task ${ordinal + 1} (${source})`;
  };
}

/** The same in a word or a number, of which many stand side by side. */
export function shortName({ kind, ordinal, segment }: Task): string {
  if (kind === 'probe') return 'look';
  if (kind === 'sound' || kind === 'stitch' || kind === 'follow') return kind;
  return `${(segment?.ordinal ?? ordinal) + 1}`;
}

export const standingOf = ({ state }: Pick<Attempt, 'state'>): Standing =>
  ATTEMPT_STANDINGS[state] ?? { tone: 'off', word: state };

export function told(attempt: Attempt, node: string, task: string): string {
  const { n, startedAt, endedAt, frames, error } = attempt;
  const took = duration(((endedAt ? Date.parse(endedAt) : Date.now()) - Date.parse(startedAt)) / 1000);
  return [
    `${task}, try ${n} on ${node}: ${standingOf(attempt).word}`,
    `from ${clock(startedAt)}, ${took}, ${frames} frames`,
    ...(error ? [`${error.message} ${error.remedy}`] : []),
  ].join('; ');
}

/** States of attempts that came to nothing, and to none of which somebody has put an end. */
const FAILED = ['failed', 'expired', 'stalled'];

/** Of a task that was given up: how often it was tried, and on how many nodes; null where no try is why it ended. */
export function givenUp({ taskList }: Pick<JobDetail, 'taskList'>): string | null {
  const dead = taskList.find(({ state }) => state === 'dead');
  const tries = dead?.attempts.filter(({ state }) => FAILED.includes(state)) ?? [];
  if (tries.length === 0) return null;
  const nodes = new Set(tries.map(({ nodeId }) => nodeId)).size;
  return `Given up after ${plural(tries.length, 'try', 'tries')} on ${plural(nodes, 'node')}.`;
}

const WORDS: Record<string, string> = {
  'job.queued': 'The job waits for a node.',
  'job.done': 'The job is done.',
  'job.failed': 'The job failed.',
  'job.cancelled': 'The job was cancelled.',
  'attempt.offered': 'offered',
  'task.queued': 'to be tried again',
  'task.done': 'done',
  'task.failed': 'failed',
  'task.dead': 'given up',
};

/** How the node goes with what happened; else it happened there. */
const BY: Record<string, string> = {
  'attempt.offered': 'to',
  'task.queued': 'after',
  'task.failed': 'after',
  'task.dead': 'after',
};

/** What happened, and on which node. */
export function eventWords(job: Pick<JobDetail, 'taskList'>): (event: JobEvent) => string {
  const lanes = lanesOf(job);
  const names = taskNames(job);
  const nodes = new Map(lanes.map(({ node, name }) => [node, name]));
  const of = new Map(lanes.flatMap(({ name, attempts }) => attempts.map(({ id }) => [id, name] as const)));
  // That a task is tried again, or never, is of the moment at which its attempt ended.
  const ends = new Map<string, string>(
    lanes.flatMap(({ name, attempts }) =>
      attempts.map(({ task, endedAt }) => [`${task.ordinal} ${endedAt}`, name] as const),
    ),
  );
  return ({ type, at, task: ordinal, attempt, node, data }) => {
    const error = data.error as { message: string } | null | undefined;
    const because = error ? ` (${error.message})` : '';
    const task = ordinal === null ? null : job.taskList[ordinal];
    if (!task) return `${WORDS[type] ?? data.message ?? type}${because}`;
    const name = of.get(attempt ?? '') ?? nodes.get(node ?? '') ?? ends.get(`${ordinal} ${at}`);
    const where = name ? ` ${BY[type] ?? 'on'} ${name}` : '';
    const subject = names(task);
    const what = type === 'attempt.log' ? `${where}: ${data.message}` : `: ${WORDS[type] ?? type}${where}`;
    return `${subject[0]!.toUpperCase()}${subject.slice(1)}${what}${because}`;
  };
}
