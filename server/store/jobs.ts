import type { ErrorRecord, JobSpec, JobState, Segment, TaskOutcome } from '../../protocol/index.ts';
import type { TaskNeeds } from '../grid/needs.ts';
import type { Queries } from './database.ts';
import { newId } from './ids.ts';
import { notify } from './notify.ts';
import { forgetMarks } from './source-marks.ts';

export interface JobRow {
  id: string;
  tenant: string;
  submitter: string;
  key: string | null;
  title: string;
  spec: JobSpec;
  state: JobState;
  priority: number;
  error: ErrorRecord | null;
  position: number;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}

/** A job and how far its tasks are. */
export interface JobProgressRow extends JobRow {
  total: number;
  done: number;
  running: number;
  failed: number;
  frames: number;
  expected: number | null;
  fps: number;
}

export type TaskState = 'blocked' | 'queued' | 'leased' | 'done' | 'failed' | 'dead' | 'cancelled';

export interface TaskRow {
  id: string;
  job: string;
  ordinal: number;
  kind: TaskKind;
  source: string;
  segment: Segment | null;
  state: TaskState;
  accepted_attempt: string | null;
  outcome: TaskOutcome | null;
  error: ErrorRecord | null;
}

/**
 * A look at a source, work at it or at a segment of it, its sound where that is encoded anew, the joining of its segments.
 * Where objects are followed and drawn: the following through all segments, and the drawing of each.
 */
export type TaskKind = 'probe' | 'process' | 'sound' | 'follow' | 'render' | 'stitch';

/** A task as the planner wants it. */
export interface PlannedTask {
  kind: TaskKind;
  /** Id of the source that it is about. */
  source: string;
  segment: Segment | null;
  needs: TaskNeeds;
  /** Tasks of the same alike. */
  needsKey: string;
  /** Places in the plan of the tasks that have to be done before. */
  after: number[];
  maxLive: number;
}

export interface NewJobRow {
  tenant: string;
  submitter: string;
  key: string | undefined;
  /** What people call it. */
  title: string;
  spec: JobSpec;
  tasks: PlannedTask[];
}

/** Makes a job with all its tasks, in a transaction of the caller's. @returns the one that its key made before, if it did. */
export async function createJob(
  db: Queries,
  { tenant, submitter, key, title, spec, tasks }: NewJobRow,
): Promise<{ job: JobRow; isNew: boolean }> {
  const [job] = await db.query<JobRow>(
    `INSERT INTO job (id, tenant, submitter, key, spec, priority, title) VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)
     ON CONFLICT (tenant, key) DO NOTHING RETURNING *`,
    [newId('j'), tenant, submitter, key ?? null, JSON.stringify(spec), spec.priority, title],
  );
  if (!job) {
    const [before] = await db.query<JobRow>('SELECT * FROM job WHERE tenant = $1 AND key = $2', [
      tenant,
      key,
    ]);
    return { job: before!, isNew: false };
  }
  await createTasks(db, job, tasks);
  await db.query(`INSERT INTO event (job, type) VALUES ($1, 'job.queued')`, [job.id]);
  await notify(db, { what: 'queue' }, { what: 'jobs', ids: [job.id] });
  return { job, isNew: true };
}

/** @param first ordinal of the first of them. */
export async function createTasks(
  db: Queries,
  job: Pick<JobRow, 'id' | 'tenant' | 'submitter' | 'priority'>,
  tasks: readonly PlannedTask[],
  first = 0,
): Promise<void> {
  const ids = tasks.map(() => newId('t'));
  await db.query(
    `INSERT INTO task (id, job, tenant, submitter, ordinal, kind, source, segment, needs, needs_key, priority, state,
       max_live)
     SELECT g.id, $1, $2, $3, $13 + g.ordinal - 1, g.kind, g.source, g.segment::jsonb, g.needs::jsonb, g.needs_key, $4,
       CASE WHEN g.blocked THEN 'blocked' ELSE 'queued' END, g.max_live
     FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[],
       $12::integer[]) WITH ORDINALITY AS g (id, kind, source, segment, needs, needs_key, blocked, max_live, ordinal)
     ORDER BY g.ordinal`,
    [
      job.id,
      job.tenant,
      job.submitter,
      job.priority,
      ids,
      tasks.map(({ kind }) => kind),
      tasks.map(({ source }) => source),
      tasks.map(({ segment }) => segment && JSON.stringify(segment)),
      tasks.map(({ needs }) => JSON.stringify(needs)),
      tasks.map(({ needsKey }) => needsKey),
      tasks.map(({ after }) => after.length > 0),
      tasks.map(({ maxLive }) => maxLive),
      first,
    ],
  );
  const deps = tasks.flatMap(({ after }, i) => after.map((place) => [ids[i]!, ids[place]!] as const));
  if (deps.length > 0)
    await db.query('INSERT INTO task_dep (task, needs) SELECT * FROM unnest($1::text[], $2::text[])', [
      deps.map(([task]) => task),
      deps.map(([, needs]) => needs),
    ]);
}

/** Tasks by state, and the frames of what was accepted and of what is under way. */
const PROGRESS = `
  SELECT job.*, t.total, t.done, t.running, t.failed, t.frames, t.expected, t.fps
  FROM job, LATERAL (
    SELECT count(*)::int AS total,
      (count(*) FILTER (WHERE task.state = 'done'))::int AS done,
      (count(*) FILTER (WHERE task.state = 'leased'))::int AS running,
      (count(*) FILTER (WHERE task.state IN ('failed', 'dead')))::int AS failed,
      -- Where each frame is worked at twice, half of one is done the first time.
      coalesce(sum(coalesce((task.outcome ->> 'frames')::int, a.frames)) FILTER (WHERE kind IN ('process', 'render'))
        / (1 + bool_or(kind = 'render')::int), 0)::int AS frames,
      -- Before a source was looked at nobody knows; the joining is no more of it.
      CASE WHEN bool_and(coalesce((task.outcome ->> 'frames')::int, a.expected, (segment ->> 'frames')::int) IS NOT NULL)
          FILTER (WHERE kind NOT IN ('sound', 'follow', 'stitch'))
        THEN (sum(coalesce((task.outcome ->> 'frames')::int, a.expected, (segment ->> 'frames')::int))
          FILTER (WHERE kind IN ('process', 'render')) / (1 + bool_or(kind = 'render')::int))::int END AS expected,
      coalesce(sum(a.fps), 0)::float8 AS fps
    FROM task LEFT JOIN (
      -- By job: by task the planner may walk through what is under way anywhere, once for each task.
      SELECT attempt.task, max(attempt.frames) AS frames, max(attempt.expected) AS expected, sum(attempt.fps) AS fps
      FROM attempt WHERE attempt.job = job.id AND attempt.state = 'leased' GROUP BY attempt.task
    ) a ON a.task = task.id
    WHERE task.job = job.id
  ) t`;

/** Whether anything of a job is yet to be done. */
export async function goesOn(db: Queries, id: string): Promise<boolean> {
  const rows = await db.query(`SELECT 1 FROM job WHERE id = $1 AND state IN ('queued', 'running')`, [id]);
  return rows.length > 0;
}

export async function getJob(db: Queries, tenant: string, id: string): Promise<JobProgressRow | null> {
  const [row] = await db.query<JobProgressRow>(`${PROGRESS} WHERE job.tenant = $1 AND job.id = $2`, [
    tenant,
    id,
  ]);
  return row ?? null;
}

/** What of a tenant's jobs is wanted; what is left out is not asked for. */
export interface JobFilter {
  state?: JobState | undefined;
  /** Id of a token. */
  submitter?: string | undefined;
  /** Of their making, ISO 8601: from `since` on, before `until`. */
  since?: string | undefined;
  until?: string | undefined;
}

/** Newest first, those before `before` only. */
export const listJobs = (
  db: Queries,
  tenant: string,
  { state, submitter, since, until }: JobFilter,
  { before, limit }: { before: number | null; limit: number },
): Promise<JobProgressRow[]> =>
  db.query(
    `${PROGRESS} WHERE job.tenant = $1 AND ($2::text IS NULL OR job.state = $2)
       AND ($3::text IS NULL OR job.submitter = $3)
       AND ($4::timestamptz IS NULL OR job.created_at >= $4) AND ($5::timestamptz IS NULL OR job.created_at < $5)
       AND ($6::bigint IS NULL OR job.position < $6)
     ORDER BY job.position DESC LIMIT $7`,
    [tenant, state ?? null, submitter ?? null, since ?? null, until ?? null, before, limit],
  );

export const tasksOfJob = (db: Queries, job: string): Promise<TaskRow[]> =>
  db.query(
    `SELECT id, job, ordinal, kind, source, segment, state, accepted_attempt, outcome - 'plan' AS outcome, error FROM task
     WHERE job = $1 ORDER BY ordinal`,
    [job],
  );

export interface AttemptRow {
  id: string;
  task: string;
  n: number;
  /** Null of what the server did itself. */
  node: string | null;
  node_name: string | null;
  state: string;
  started_at: Date;
  ended_at: Date | null;
  frames: number;
  error: ErrorRecord | null;
}

export const attemptsOfJob = (db: Queries, job: string): Promise<AttemptRow[]> =>
  db.query(
    `SELECT attempt.id, task, n, node, node.name AS node_name, attempt.state, started_at, ended_at, frames, error
     FROM attempt LEFT JOIN node ON node.id = attempt.node WHERE job = $1 ORDER BY task, n`,
    [job],
  );

export interface NodeAttemptRow extends AttemptRow {
  job: string;
  title: string;
  ordinal: number;
}

/** What a node did last, of jobs of the tenant. */
export const attemptsOfNode = (
  db: Queries,
  tenant: string,
  node: string,
  limit: number,
): Promise<NodeAttemptRow[]> =>
  db.query(
    `SELECT attempt.id, attempt.task, attempt.n, attempt.node, node.name AS node_name, attempt.state,
       attempt.started_at, attempt.ended_at, attempt.frames, attempt.error, attempt.job, job.title, task.ordinal
     FROM attempt JOIN node ON node.id = attempt.node JOIN job ON job.id = attempt.job
       JOIN task ON task.id = attempt.task
     WHERE attempt.node = $1 AND job.tenant = $2 ORDER BY attempt.started_at DESC, attempt.id LIMIT $3`,
    [node, tenant, limit],
  );

/**
 * Stops a job and all that is under way for it; one that has ended stays as it is.
 * @param error why, where it failed; null when somebody asked for it.
 * @returns whether it was stopped.
 */
export async function endJob(
  db: Queries,
  id: string,
  state: 'failed' | 'cancelled',
  error: ErrorRecord | null,
): Promise<boolean> {
  const [row] = await db.query<{ id: string }>(
    `UPDATE job SET state = $2, error = $3::jsonb, ended_at = now()
     WHERE id = $1 AND state IN ('queued', 'running') RETURNING id`,
    [id, state, error && JSON.stringify(error)],
  );
  if (!row) return false;
  await db.query(
    `UPDATE attempt SET state = 'cancelled', ended_at = now() WHERE job = $1 AND state IN ('offered', 'leased')`,
    [id],
  );
  await db.query(
    `UPDATE task SET state = 'cancelled', live = 0, ended_at = now()
     WHERE job = $1 AND state IN ('blocked', 'queued', 'leased')`,
    [id],
  );
  await db.query('INSERT INTO event (job, type, data) VALUES ($1, $2, $3::jsonb)', [
    id,
    `job.${state}`,
    JSON.stringify(error ? { error } : {}),
  ]);
  await notify(db, { what: 'cancel', job: id }, { what: 'jobs', ids: [id] });
  return true;
}

/** Takes what failed or was cancelled up again; what was done stays done. @returns whether there was anything. */
export async function retryJob(db: Queries, tenant: string, id: string): Promise<boolean> {
  const [row] = await db.query<{ id: string }>(
    `UPDATE job SET state = 'queued', error = NULL, ended_at = NULL
     WHERE id = $1 AND tenant = $2 AND state IN ('failed', 'cancelled') RETURNING id`,
    [id, tenant],
  );
  if (!row) return false;
  await db.query(
    `UPDATE task SET error = NULL, failures = 0, ended_at = NULL, state = CASE WHEN EXISTS (
         SELECT 1 FROM task_dep JOIN task needed ON needed.id = task_dep.needs
         WHERE task_dep.task = task.id AND needed.state <> 'done'
       ) THEN 'blocked' ELSE 'queued' END
     WHERE job = $1 AND state IN ('failed', 'dead', 'cancelled')
       -- Segments that were given up stay so: their source is carried out in one piece.
       AND NOT ((segment IS NOT NULL OR kind IN ('follow', 'stitch')) AND EXISTS (
         SELECT 1 FROM task whole WHERE whole.job = task.job AND whole.source = task.source
           AND whole.kind = 'process' AND whole.segment IS NULL))`,
    [id],
  );
  await forgetMarks(db, id);
  await db.query(`INSERT INTO event (job, type) VALUES ($1, 'job.queued')`, [id]);
  await notify(db, { what: 'queue' }, { what: 'jobs', ids: [id] });
  return true;
}

/** Forgets a job that has ended. Its files are the caller's to remove, first. */
export const deleteJob = (db: Queries, id: string): Promise<{ id: string }[]> =>
  db.query(`DELETE FROM job WHERE id = $1 AND state IN ('done', 'failed', 'cancelled') RETURNING id`, [id]);

/** Jobs that ended longer ago than that. */
export const oldJobs = (db: Queries, seconds: number, limit: number): Promise<JobRow[]> =>
  db.query(`SELECT * FROM job WHERE ended_at < now() - $1 * interval '1 second' ORDER BY ended_at LIMIT $2`, [
    seconds,
    limit,
  ]);
