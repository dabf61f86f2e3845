import { type ErrorRecord, isOfNode, UNREADABLE } from '../../protocol/index.ts';
import { columns } from './columns.ts';
import type { Database, Queries } from './database.ts';
import { endJob } from './jobs.ts';
import type { Held } from './leases.ts';
import { notify } from './notify.ts';

/** Failed attempts after which a task is dead. */
export const MOST_FAILURES = 4;
/** Attempts after which it is: offers that nobody takes count too, what was given back does not. */
export const MOST_ATTEMPTS = 25;

/** How an attempt ended without a result. */
export interface Ended extends Held {
  state: 'failed' | 'expired' | 'stalled' | 'withdrawn' | 'rejected' | 'returned';
  error: ErrorRecord | null;
  /** Whether another attempt could do better. */
  retry: boolean;
}

/** These ends speak against the task and against the node. */
const COUNTS = ['failed', 'expired', 'stalled'];
/** An offer that nobody answers speaks against the node only; what the job, the server or an origin did, against none. */
const countsForNode = ({ state, error }: { state: Ended['state']; error: ErrorRecord | null }): boolean =>
  state === 'withdrawn' || (COUNTS.includes(state) && (!error || isOfNode(error.code)));

/** Seconds that a task rests after a failure that was no node's fault, for its first, second and third one. */
const RESTS = [1, 4, 16];

interface EndedRow {
  task: string;
  job: string;
  node: string;
  state: Ended['state'];
}

/**
 * Ends attempts without a result: their tasks are queued again, or are dead after {@link MOST_FAILURES}, and with a
 * task its job fails.
 * @returns those that were still live, whose leases fit.
 */
export async function endAttempts(
  tx: Queries,
  ended: readonly Ended[],
): Promise<(EndedRow & { attempt: string })[]> {
  const rows = await tx.query<EndedRow & { attempt: string; retry: boolean; error: ErrorRecord | null }>(
    `WITH given AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
         AS g (attempt, lease, state, error, retry)
     )
     UPDATE attempt SET state = given.state, error = given.error::jsonb, ended_at = now(), fps = 0
     FROM given WHERE attempt.id = given.attempt AND attempt.lease = given.lease
       AND attempt.state IN ('offered', 'leased')
     RETURNING attempt.id AS attempt, attempt.task, attempt.job, attempt.node, attempt.state, given.retry, attempt.error`,
    columns(
      ended,
      ({ attempt }) => attempt,
      ({ lease }) => lease,
      ({ state }) => state,
      ({ error }) => error && JSON.stringify(error),
      ({ retry }) => retry,
    ),
  );
  if (rows.length > 0) await release(tx, rows);
  return rows;
}

/** Ends what has outlived its lease, or has not moved for so long. The clock is the database's. */
export function expireAttempts(
  db: Database,
  { stallMs, limit }: { stallMs: number; limit: number },
): Promise<(EndedRow & { attempt: string })[]> {
  return db.transaction(async (tx) => {
    const late = await tx.query<{ id: string; lease: string; state: string; over: boolean; frames: number }>(
      `SELECT id, lease, state, lease_until < now() AS over, frames FROM attempt
       WHERE state IN ('offered', 'leased')
         AND (lease_until < now() OR moved_at < now() - $1 * interval '1 millisecond')
       ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [stallMs, limit],
    );
    if (late.length === 0) return [];
    return endAttempts(
      tx,
      late.map(({ id, lease, state, over, frames }): Ended => {
        const held = { attempt: id, lease, retry: true };
        if (over && state === 'offered') return { ...held, state: 'withdrawn', error: null };
        return over
          ? { ...held, state: 'expired', error: nodeLost(frames) }
          : { ...held, state: 'stalled', error: stalled(frames, stallMs) };
      }),
    );
  });
}

async function release(
  tx: Queries,
  rows: readonly (EndedRow & { retry: boolean; error: ErrorRecord | null })[],
): Promise<void> {
  const failedTasks = await tx.query<{ id: string; job: string; error: ErrorRecord | null }>(
    `WITH ended AS (
       SELECT task, count(*)::int AS count, (count(*) FILTER (WHERE counts))::int AS failures, bool_and(retry) AS retry,
         (array_agg(error) FILTER (WHERE error IS NOT NULL))[1] AS error, bool_or(rests) AS rests,
         (count(*) FILTER (WHERE returned))::int AS returned
       FROM unnest($1::text[], $2::boolean[], $3::boolean[], $4::text[], $5::boolean[], $6::boolean[])
         AS e (task, counts, retry, error, rests, returned) GROUP BY task
     ), freed AS (
       UPDATE task SET live = live - ended.count, failures = task.failures + ended.failures,
         returned = task.returned + ended.returned,
         error = coalesce(ended.error::jsonb, task.error),
         wait_until = CASE WHEN ended.rests
           THEN now() + (ARRAY[${RESTS.join(', ')}])[least(task.failures + 1, ${RESTS.length})] * interval '1 second' END,
         state = CASE
           WHEN task.state <> 'leased' THEN task.state
           WHEN NOT ended.retry THEN 'failed'
           WHEN task.failures + ended.failures >= ${MOST_FAILURES}
             OR task.attempts - task.returned - ended.returned >= ${MOST_ATTEMPTS} THEN 'dead'
           WHEN live > ended.count THEN 'leased'
           ELSE 'queued' END,
         ended_at = CASE WHEN NOT ended.retry OR task.failures + ended.failures >= ${MOST_FAILURES}
           OR task.attempts - task.returned - ended.returned >= ${MOST_ATTEMPTS} THEN now() END
       FROM ended WHERE task.id = ended.task
       RETURNING task.id, task.job, task.ordinal, task.state, task.error
     ), told AS (
       INSERT INTO event (job, task, type, data)
       SELECT job, ordinal, 'task.' || state, jsonb_build_object('error', error) FROM freed
     )
     SELECT id, job, error FROM freed WHERE state IN ('failed', 'dead')`,
    columns(
      rows,
      ({ task }) => task,
      // Whoever cannot read it has not tried it: another may, and if nobody can, that is found out elsewhere.
      ({ state, error }) => COUNTS.includes(state) && error?.code !== UNREADABLE,
      ({ retry }) => retry,
      ({ error }) => error && JSON.stringify(error),
      (row) => row.state === 'failed' && row.error?.code !== UNREADABLE && !countsForNode(row),
      ({ state }) => state === 'returned',
    ),
  );
  // All that a node lost at one time it lost for one reason: a machine without power has not failed at everything.
  const lost = new Set<string>();
  const against = rows.filter((row) => {
    if (!countsForNode(row) || (row.state !== 'failed' && lost.has(row.node))) return false;
    if (row.state !== 'failed') lost.add(row.node);
    return true;
  });
  if (against.length > 0)
    await tx.query(
      `UPDATE node SET failures = failures + f.count
       FROM (SELECT node, count(*)::int AS count FROM unnest($1::text[]) AS n (node) GROUP BY node) f
       WHERE node.id = f.node`,
      [against.map(({ node }) => node)],
    );
  for (const { job, error } of new Map(failedTasks.map((task) => [task.job, task])).values())
    await endJob(tx, job, 'failed', taskDead(error));
  await notify(tx, { what: 'queue' }, { what: 'jobs', ids: [...new Set(rows.map(({ job }) => job))] });
}

/** Fails tasks that wait, with what their last attempt died of: nobody can do them. */
export async function failTasks(db: Database, ids: readonly string[]): Promise<void> {
  await db.transaction(async (tx) => {
    const failed = await tx.query<{ job: string; error: ErrorRecord | null }>(
      `WITH ended AS (
         UPDATE task SET state = 'failed', ended_at = now() WHERE id = ANY($1) AND state = 'queued'
         RETURNING job, ordinal, error
       ), told AS (
         INSERT INTO event (job, task, type, data)
         SELECT job, ordinal, 'task.failed', jsonb_build_object('error', error) FROM ended
       )
       SELECT job, error FROM ended`,
      [ids],
    );
    for (const { job, error } of new Map(failed.map((task) => [task.job, task])).values())
      await endJob(tx, job, 'failed', taskDead(error));
  });
}

/** What the last attempt died of is what the job died of. */
const taskDead = (error: ErrorRecord | null): ErrorRecord =>
  error ?? {
    code: 'task-dead',
    message: `No node took this task: ${MOST_ATTEMPTS} offers came to nothing.`,
    remedy: 'Look at the nodes ("GET /v1/nodes"), then retry the job.',
  };

const nodeLost = (frames: number): ErrorRecord => ({
  code: 'node-lost',
  message: `The node was not heard of again, ${frames} frames into the task.`,
  remedy: 'It is tried on another node; look at that one if it happens again.',
});

const stalled = (frames: number, stallMs: number): ErrorRecord => ({
  code: 'task-stalled',
  message: `The node got no further than frame ${frames} for ${Math.round(stallMs / 1000)} s.`,
  remedy: 'It is tried on another node; look at that one if it happens again.',
});
