import type { ErrorRecord, TaskOutcome } from '../../protocol/index.ts';
import type { Database, Queries } from './database.ts';
import { endJob } from './jobs.ts';
import { notify } from './notify.ts';

/** What proves who may write. */
export interface Held {
  attempt: string;
  lease: string;
}

/** Failed attempts after which a task is dead. */
export const MOST_FAILURES = 4;
/** Attempts of any end after which it is: offers that nobody takes count too. */
export const MOST_ATTEMPTS = 25;

const columns = <T>(items: readonly T[], ...of: ((item: T) => unknown)[]) =>
  of.map((column) => items.map(column));

/** Offers that were accepted in time. @returns the attempts that are leased now. */
export async function acceptOffers(db: Queries, held: readonly Held[], ttlMs: number): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `UPDATE attempt SET state = 'leased', accepted_at = coalesce(accepted_at, now()), moved_at = coalesce(moved_at, now()),
       lease_until = now() + $3 * interval '1 millisecond'
     FROM unnest($1::text[], $2::text[]) AS held (id, lease)
     WHERE attempt.id = held.id AND attempt.lease = held.lease AND attempt.state IN ('offered', 'leased')
     RETURNING attempt.id`,
    [
      ...columns(
        held,
        ({ attempt }) => attempt,
        ({ lease }) => lease,
      ),
      ttlMs,
    ],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Leases that go on. @returns the attempts that the node still holds. */
export async function renewLeases(db: Queries, held: readonly Held[], ttlMs: number): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `UPDATE attempt SET lease_until = now() + $3 * interval '1 millisecond'
     FROM unnest($1::text[], $2::text[]) AS held (id, lease)
     WHERE attempt.id = held.id AND attempt.lease = held.lease AND attempt.state = 'leased'
     RETURNING attempt.id`,
    [
      ...columns(
        held,
        ({ attempt }) => attempt,
        ({ lease }) => lease,
      ),
      ttlMs,
    ],
  );
  return new Set(rows.map(({ id }) => id));
}

export interface Moved extends Held {
  frames: number;
  of: number | null;
  fps: number;
}

/** How far attempts are. One that is no further than before has not moved. @returns the jobs they are of. */
export async function recordProgress(db: Queries, moved: readonly Moved[]): Promise<string[]> {
  const rows = await db.query<{ job: string }>(
    `UPDATE attempt SET frames = greatest(attempt.frames, moved.frames), expected = coalesce(moved.expected, attempt.expected),
       fps = moved.fps, moved_at = CASE WHEN moved.frames > attempt.frames THEN now() ELSE attempt.moved_at END
     FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::float4[]) AS moved (id, lease, frames, expected, fps)
     WHERE attempt.id = moved.id AND attempt.lease = moved.lease AND attempt.state = 'leased'
     RETURNING attempt.job`,
    columns(
      moved,
      ({ attempt }) => attempt,
      ({ lease }) => lease,
      ({ frames }) => frames,
      ({ of }) => of,
      ({ fps }) => fps,
    ),
  );
  return [...new Set(rows.map(({ job }) => job))];
}

export interface LiveAttempt {
  id: string;
  lease: string;
  task: string;
  job: string;
  tenant: string;
  node: string;
  source: string;
  state: 'offered' | 'leased';
}

const LIVE = `SELECT attempt.id, attempt.lease, attempt.task, attempt.job, task.tenant, attempt.node, task.source,
    attempt.state FROM attempt JOIN task ON task.id = attempt.task WHERE attempt.state IN ('offered', 'leased')`;

/** What a node holds, whatever server it was connected to. */
export const liveOfNode = (db: Queries, node: string): Promise<LiveAttempt[]> =>
  db.query(`${LIVE} AND attempt.node = $1`, [node]);

export async function liveAttempt(db: Queries, { attempt, lease }: Held): Promise<LiveAttempt | null> {
  const [row] = await db.query<LiveAttempt>(`${LIVE} AND attempt.id = $1 AND attempt.lease = $2`, [
    attempt,
    lease,
  ]);
  return row ?? null;
}

/** A server that starts may have been away for long: its nodes get one whole lease to come back in. */
export async function extendLeases(db: Queries, ttlMs: number): Promise<void> {
  await db.query(
    `UPDATE attempt SET lease_until = greatest(lease_until, now() + $1 * interval '1 millisecond')
     WHERE state IN ('offered', 'leased')`,
    [ttlMs],
  );
}

export interface StoredFile {
  id: string;
  output: string;
  name: string;
  bytes: number;
  parts: string[];
  indexAtEnd: boolean;
}

export interface Finished extends Held {
  outcome: TaskOutcome;
  files: StoredFile[];
}

/**
 * Accepts the results of attempts that still hold their lease, if nobody's was accepted before, and sets free what
 * waited for them.
 * @returns the attempts accepted; for all others nothing was written.
 */
export function finishAttempts(db: Database, finished: readonly Finished[]): Promise<Set<string>> {
  return db.transaction(async (tx) => {
    const accepted = await tx.query<{
      attempt: string;
      task: string;
      job: string;
      tenant: string;
      node: string;
    }>(
      `WITH given AS (
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS g (attempt, lease, outcome)
       ), first AS (
         -- Of two attempts at one task the first one counts.
         SELECT DISTINCT ON (attempt.task) attempt.id, attempt.task, attempt.node, given.outcome
         FROM given JOIN attempt ON attempt.id = given.attempt AND attempt.lease = given.lease
         WHERE attempt.state = 'leased' ORDER BY attempt.task, attempt.n
       ), accepted AS (
         UPDATE task SET state = 'done', accepted_attempt = first.id, outcome = first.outcome::jsonb, error = NULL,
           live = live - 1, ended_at = now()
         FROM first WHERE task.id = first.task AND task.state = 'leased'
         RETURNING task.id, task.job, task.tenant, task.ordinal, first.id AS attempt, first.node, first.outcome
       ), ended AS (
         UPDATE attempt SET state = 'done', ended_at = now(), fps = 0,
           frames = (accepted.outcome::jsonb ->> 'frames')::int
         FROM accepted WHERE attempt.id = accepted.attempt AND attempt.state = 'leased'
       ), told AS (
         INSERT INTO event (job, task, attempt, node, type, data)
         SELECT job, ordinal, attempt, node, 'task.done', outcome::jsonb FROM accepted
       ), sound AS (
         UPDATE node SET failures = 0, suspensions = 0 FROM accepted
         WHERE node.id = accepted.node AND (failures > 0 OR suspensions > 0)
       )
       SELECT attempt, id AS task, job, tenant, node FROM accepted`,
      columns(
        finished,
        ({ attempt }) => attempt,
        ({ lease }) => lease,
        ({ outcome }) => JSON.stringify(outcome),
      ),
    );
    if (accepted.length > 0) {
      await storeFiles(tx, accepted, finished);
      await supersede(
        tx,
        accepted.map(({ task }) => task),
      );
      await goOn(
        tx,
        accepted.map(({ task }) => task),
        [...new Set(accepted.map(({ job }) => job))],
      );
    }
    return new Set(accepted.map(({ attempt }) => attempt));
  });
}

async function storeFiles(
  tx: Queries,
  accepted: readonly { attempt: string; task: string; job: string; tenant: string }[],
  finished: readonly Finished[],
): Promise<void> {
  const byAttempt = new Map(accepted.map((row) => [row.attempt, row]));
  const files = finished.flatMap(({ attempt, files: written }) => {
    const row = byAttempt.get(attempt);
    return row ? written.map((file) => ({ ...file, ...row })) : [];
  });
  if (files.length === 0) return;
  await tx.query(
    `INSERT INTO blob (id, tenant, job, task, attempt, output, name, bytes, parts, index_at_end)
     SELECT id, tenant, job, task, attempt, output, name, bytes, parts::jsonb, index_at_end
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
       $9::text[], $10::boolean[])
       AS f (id, tenant, job, task, attempt, output, name, bytes, parts, index_at_end)`,
    columns(
      files,
      ({ id }) => id,
      ({ tenant }) => tenant,
      ({ job }) => job,
      ({ task }) => task,
      ({ attempt }) => attempt,
      ({ output }) => output,
      ({ name }) => name,
      ({ bytes }) => bytes,
      ({ parts }) => JSON.stringify(parts),
      ({ indexAtEnd }) => indexAtEnd,
    ),
  );
}

/** Other attempts at what is done now have nothing left to win. */
async function supersede(tx: Queries, tasks: readonly string[]): Promise<void> {
  const rows = await tx.query<{ job: string }>(
    `WITH lost AS (
       UPDATE attempt SET state = 'superseded', ended_at = now(), fps = 0
       WHERE task = ANY($1) AND state IN ('offered', 'leased') RETURNING task, job
     )
     UPDATE task SET live = 0 FROM lost WHERE task.id = lost.task RETURNING lost.job`,
    [tasks],
  );
  const jobs = [...new Set(rows.map(({ job }) => job))];
  if (jobs.length > 0) await notify(tx, ...jobs.map((job) => ({ what: 'cancel', job }) as const));
}

/** What waited for these tasks may begin; jobs that have nothing left are done. */
async function goOn(tx: Queries, tasks: readonly string[], jobs: readonly string[]): Promise<void> {
  const freed = await tx.query<{ id: string }>(
    `UPDATE task SET state = 'queued' WHERE state = 'blocked'
       AND id IN (SELECT task FROM task_dep WHERE needs = ANY($1))
       AND NOT EXISTS (
         SELECT 1 FROM task_dep JOIN task needed ON needed.id = task_dep.needs
         WHERE task_dep.task = task.id AND needed.state <> 'done'
       )
     RETURNING id`,
    [tasks],
  );
  await tx.query(
    `WITH ended AS (
       UPDATE job SET state = 'done', ended_at = now() WHERE id = ANY($1) AND state IN ('queued', 'running')
         AND NOT EXISTS (SELECT 1 FROM task WHERE task.job = job.id
           AND state NOT IN ('done', 'failed', 'dead', 'cancelled'))
       RETURNING id
     )
     INSERT INTO event (job, type) SELECT id, 'job.done' FROM ended`,
    [jobs],
  );
  await notify(
    tx,
    { what: 'jobs', ids: [...jobs] },
    ...(freed.length > 0 ? [{ what: 'queue' } as const] : []),
  );
}

/** How an attempt ended without a result. */
export interface Ended extends Held {
  state: 'failed' | 'expired' | 'stalled' | 'withdrawn' | 'rejected' | 'returned';
  error: ErrorRecord | null;
  /** Whether another attempt could do better. */
  retry: boolean;
}

/** These ends speak against the task and against the node. */
const COUNTS = ['failed', 'expired', 'stalled'];
/** An offer that nobody answers speaks against the node only. */
const COUNTS_FOR_NODE = [...COUNTS, 'withdrawn'];

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
         (array_agg(error) FILTER (WHERE error IS NOT NULL))[1] AS error
       FROM unnest($1::text[], $2::boolean[], $3::boolean[], $4::text[]) AS e (task, counts, retry, error) GROUP BY task
     ), freed AS (
       UPDATE task SET live = live - ended.count, failures = task.failures + ended.failures,
         error = coalesce(ended.error::jsonb, task.error),
         state = CASE
           WHEN task.state <> 'leased' THEN task.state
           WHEN NOT ended.retry THEN 'failed'
           WHEN task.failures + ended.failures >= ${MOST_FAILURES} OR task.attempts >= ${MOST_ATTEMPTS} THEN 'dead'
           WHEN live > ended.count THEN 'leased'
           ELSE 'queued' END,
         ended_at = CASE WHEN NOT ended.retry OR task.failures + ended.failures >= ${MOST_FAILURES}
           OR task.attempts >= ${MOST_ATTEMPTS} THEN now() END
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
      ({ state }) => COUNTS.includes(state),
      ({ retry }) => retry,
      ({ error }) => error && JSON.stringify(error),
    ),
  );
  const against = rows.filter(({ state }) => COUNTS_FOR_NODE.includes(state));
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
