import { type JobSpec, OF_ELSEWHERE, type Segment, UNREADABLE } from '../../protocol/index.ts';
import type { TaskNeeds } from '../grid/needs.ts';
import type { Database, Queries } from './database.ts';
import { newId, newLease } from './ids.ts';
import type { TaskKind } from './jobs.ts';
import { notify } from './notify.ts';

/** Tasks that are alike to the scheduler. */
export interface Kind {
  needsKey: string;
  needs: TaskNeeds;
}

/** A task that is free to be worked on. */
export interface Candidate {
  id: string;
  job: string;
  tenant: string;
  kind: TaskKind;
  source: string;
  needs: TaskNeeds;
  needsKey: string;
  /** Nodes that it was tried on without success, where that may have been their doing. */
  failedOn: string[];
  /** Nodes that cannot read its source. */
  unreadableOn: string[];
  /** Seconds since its last try ended; null before the first. */
  idleFor: number | null;
  /** Of the segment that it is; null for what is none. */
  frames: number | null;
  /** How many segments of its source and pass wait, itself among them; of what is none 0. */
  waiting: number;
}

export interface Claimed {
  attempt: string;
  lease: string;
  task: string;
  node: string;
}

/** An attempt just made, and what it is about. */
export interface NewAttempt extends Claimed {
  job: string;
  tenant: string;
  kind: TaskKind;
  source: string;
  segment: Segment | null;
  needs: TaskNeeds;
  spec: JobSpec;
}

/** Key of the needs of tasks that servers do themselves. */
export const OF_SERVER = 'server';

/** The kinds of task that wait, whatever their number: one step of an index each. */
export const queuedKinds = (db: Queries): Promise<Kind[]> =>
  db.query(
    `WITH RECURSIVE kind AS (
       (SELECT needs_key, needs FROM task WHERE state = 'queued' AND needs_key <> '${OF_SERVER}' ORDER BY needs_key LIMIT 1)
       UNION ALL
       SELECT next.* FROM kind, LATERAL (
         SELECT needs_key, needs FROM task
         WHERE state = 'queued' AND needs_key <> '${OF_SERVER}' AND task.needs_key > kind.needs_key ORDER BY needs_key LIMIT 1
       ) next
     )
     SELECT needs_key AS "needsKey", needs FROM kind`,
  );

/**
 * Claims tasks of these kinds. Higher priorities go first; within one, whose submitter has the fewest under way, so
 * that a thousand tasks of one do not hold up the single one of another.
 * @param most tasks that are looked at.
 * @param choose pairs candidates, in their order, with nodes; called within the transaction.
 * @param offerMs how long the offer stands.
 */
export function claimTasks(
  db: Database,
  { kinds, most, offerMs }: { kinds: readonly string[]; most: number; offerMs: number },
  choose: (candidates: Candidate[]) => { task: string; node: string }[],
): Promise<NewAttempt[]> {
  return db.transaction(async (tx) => {
    const ids = await tx.query<{ id: string }>(FAIR_ORDER, [kinds, most]);
    if (ids.length === 0) return [];
    const candidates = await tx.query<Candidate>(
      `SELECT task.id, job, tenant, kind, source, needs, needs_key AS "needsKey", ARRAY(
         SELECT node FROM attempt WHERE attempt.task = task.id AND attempt.state IN ('failed', 'expired', 'stalled',
           'withdrawn', 'rejected') AND NOT coalesce(attempt.error ->> 'code' = ANY($2), false)
       ) AS "failedOn", ARRAY(
         SELECT node FROM attempt WHERE attempt.task = task.id AND attempt.state = 'failed'
           AND attempt.error ->> 'code' = $3
       ) AS "unreadableOn",
       (SELECT extract(epoch FROM now() - max(ended_at))::float8 FROM attempt WHERE attempt.task = task.id) AS "idleFor",
       (segment ->> 'frames')::int AS frames, 0 AS waiting
       FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place) JOIN task ON task.id = wanted.id
       WHERE state = 'queued' ORDER BY place FOR UPDATE OF task SKIP LOCKED`,
      [ids.map(({ id }) => id), OF_ELSEWHERE, UNREADABLE],
    );
    await countWaiting(tx, candidates);
    const chosen = choose(candidates);
    return chosen.length === 0 ? [] : lease(tx, chosen, offerMs);
  });
}

async function countWaiting(tx: Queries, candidates: readonly Candidate[]): Promise<void> {
  const segments = candidates.filter(({ frames }) => frames !== null);
  if (segments.length === 0) return;
  const counts = await tx.query<Pick<Candidate, 'job' | 'source' | 'kind'> & { count: number }>(
    `SELECT job, source, kind, count(*)::int AS count FROM task
     WHERE job = ANY($1) AND state = 'queued' AND segment IS NOT NULL GROUP BY job, source, kind`,
    [[...new Set(segments.map(({ job }) => job))]],
  );
  for (const task of segments) {
    const alike = counts.find(
      ({ job, source, kind }) => job === task.job && source === task.source && kind === task.kind,
    );
    task.waiting = alike?.count ?? 0;
  }
}

/** Lanes are pairs of kind and submitter; the first few of each are enough to fill the window. */
const FAIR_ORDER = `
  WITH RECURSIVE lane AS (
    (SELECT needs_key, submitter FROM task WHERE state = 'queued' AND needs_key = ANY($1)
     ORDER BY needs_key, submitter LIMIT 1)
    UNION ALL
    SELECT next.* FROM lane, LATERAL (
      SELECT needs_key, submitter FROM task
      WHERE state = 'queued' AND needs_key = ANY($1)
        AND (task.needs_key, task.submitter) > (lane.needs_key, lane.submitter)
      ORDER BY needs_key, submitter LIMIT 1
    ) next
  ), busy AS (
    SELECT submitter, count(*) AS count FROM task WHERE state = 'leased' GROUP BY submitter
  )
  SELECT head.id FROM lane
  CROSS JOIN LATERAL (
    SELECT id, priority, position FROM task
    WHERE state = 'queued' AND task.needs_key = lane.needs_key AND task.submitter = lane.submitter
      AND (wait_until IS NULL OR wait_until <= now())
    ORDER BY priority DESC, position LIMIT $2
  ) head
  LEFT JOIN busy ON busy.submitter = lane.submitter
  ORDER BY head.priority DESC,
    coalesce(busy.count, 0)
      + row_number() OVER (PARTITION BY lane.submitter, head.priority ORDER BY head.position),
    head.position
  LIMIT $2`;

/**
 * @param chosen pairs of tasks and nodes; null where the server does it itself.
 * @param from the state that the tasks are in: `leased` for another attempt beside the first.
 */
export async function lease(
  tx: Queries,
  chosen: { task: string; node: string | null }[],
  offerMs: number,
  from: 'queued' | 'leased' = 'queued',
): Promise<NewAttempt[]> {
  const attempts = await tx.query<Omit<NewAttempt, 'spec'>>(
    `WITH pair AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS p (task, node, attempt, lease)
     ), taken AS (
       UPDATE task SET state = 'leased', live = live + 1, attempts = attempts + 1
       FROM pair WHERE task.id = pair.task AND task.state = $6 AND task.live < task.max_live
       RETURNING task.id, task.job, task.tenant, task.kind, task.source, task.segment, task.needs, task.ordinal, task.attempts,
         pair.node, pair.attempt, pair.lease
     ), made AS (
       INSERT INTO attempt (id, task, job, n, node, lease, state, lease_until)
       SELECT attempt, id, job, attempts, node, lease, 'offered', now() + $5 * interval '1 millisecond' FROM taken
     ), told AS (
       INSERT INTO event (job, task, attempt, node, type)
       SELECT job, ordinal, attempt, node, 'attempt.offered' FROM taken
     )
     SELECT attempt, lease, id AS task, node, job, tenant, kind, source, segment, needs FROM taken`,
    [
      chosen.map(({ task }) => task),
      chosen.map(({ node }) => node),
      chosen.map(() => newId('a')),
      chosen.map(() => newLease()),
      offerMs,
      from,
    ],
  );
  const jobs = [...new Set(attempts.map(({ job }) => job))];
  await tx.query(
    `UPDATE job SET state = 'running', started_at = coalesce(started_at, now())
     WHERE id = ANY($1) AND state = 'queued'`,
    [jobs],
  );
  await notify(tx, { what: 'jobs', ids: jobs });
  // Once a job: that of a folder of pictures is long, and many of its tasks may go at a time.
  const specs = await tx.query<{ id: string; spec: JobSpec }>('SELECT id, spec FROM job WHERE id = ANY($1)', [
    jobs,
  ]);
  const specOf = new Map(specs.map(({ id, spec }) => [id, spec]));
  return attempts.map((attempt) => ({ ...attempt, spec: specOf.get(attempt.job)! }));
}
