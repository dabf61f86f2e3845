import type { JobSpec, ProbeReport, TaskOutcome } from '../../protocol/index.ts';
import type { TaskNeeds } from '../grid/needs.ts';
import { columns } from './columns.ts';
import type { Database, Queries } from './database.ts';
import { createTasks, type JobRow, type PlannedTask, type TaskKind } from './jobs.ts';
import type { Held } from './leases.ts';
import { notify } from './notify.ts';

export interface StoredFile {
  id: string;
  output: string;
  name: string;
  bytes: number;
  parts: string[];
  indexAtEnd: boolean;
}

/** The tasks that a source needs which was looked at; `needs` are those of the look. */
export type Plan = (spec: JobSpec, source: string, report: ProbeReport, needs: TaskNeeds) => PlannedTask[];

export interface Finished extends Held {
  outcome: TaskOutcome;
  files: StoredFile[];
}

/**
 * Accepts the results of attempts that still hold their lease, if nobody's was accepted before, and sets free what
 * waited for them.
 * @param plan the tasks that follow from a look at a source.
 * @returns the attempts accepted; for all others nothing was written.
 */
export function finishAttempts(
  db: Database,
  finished: readonly Finished[],
  plan: Plan,
): Promise<Set<string>> {
  return db.transaction(async (tx) => {
    // Two servers that finish the last two tasks of a job do so one after the other: else neither sees that it was last.
    await tx.query(
      `SELECT id FROM job WHERE id IN (SELECT job FROM attempt WHERE id = ANY($1)) ORDER BY id FOR NO KEY UPDATE`,
      [finished.map(({ attempt }) => attempt)],
    );
    const accepted = await tx.query<{
      attempt: string;
      task: string;
      job: string;
      tenant: string;
      kind: TaskKind;
      source: string;
      needs: TaskNeeds;
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
         RETURNING task.id, task.job, task.tenant, task.kind, task.source, task.needs, task.ordinal,
           first.id AS attempt, first.node, first.outcome
       ), ended AS (
         UPDATE attempt SET state = 'done', ended_at = now(), fps = 0,
           frames = (accepted.outcome::jsonb ->> 'frames')::int
         FROM accepted WHERE attempt.id = accepted.attempt AND attempt.state = 'leased'
       ), told AS (
         INSERT INTO event (job, task, attempt, node, type, data)
         SELECT job, ordinal, attempt, node, 'task.done', outcome::jsonb - 'plan' FROM accepted
       ), sound AS (
         UPDATE node SET failures = 0, suspensions = 0 FROM accepted
         WHERE node.id = accepted.node AND (failures > 0 OR suspensions > 0)
       )
       SELECT attempt, id AS task, job, tenant, kind, source, needs FROM accepted`,
      columns(
        finished,
        ({ attempt }) => attempt,
        ({ lease }) => lease,
        ({ outcome }) => JSON.stringify(outcome),
      ),
    );
    if (accepted.length > 0) {
      await storeFiles(tx, accepted, finished);
      for (const { job, source, needs, attempt } of accepted.filter(({ kind }) => kind === 'probe')) {
        const report = finished.find((one) => one.attempt === attempt)!.outcome.plan!;
        if (report.whole !== null) await tellWhole(tx, job, source, report.whole);
        await addTasks(tx, job, (spec) => plan(spec, source, report, needs));
      }
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

/** Why a source that might have been cut is carried out in one piece. */
export async function tellWhole(tx: Queries, job: string, source: string, why: string): Promise<void> {
  const message = `${source} is carried out in one piece: ${why}`;
  await tx.query(`INSERT INTO event (job, type, data) VALUES ($1, 'source.whole', $2::jsonb)`, [
    job,
    JSON.stringify({ source, message }),
  ]);
}

/** Tasks that nobody knew of when the job was made. */
export async function addTasks(
  tx: Queries,
  id: string,
  plan: (spec: JobSpec) => PlannedTask[],
): Promise<void> {
  const [job] = await tx.query<JobRow & { next: number }>(
    `SELECT *, (SELECT max(ordinal) + 1 FROM task WHERE task.job = job.id) AS next FROM job WHERE id = $1`,
    [id],
  );
  await createTasks(tx, job!, plan(job!.spec), job!.next);
  await notify(tx, { what: 'queue' });
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
    // What is made of a segment is joined, but for what is a file of its own for each frame.
    `INSERT INTO blob (id, tenant, job, task, attempt, output, name, bytes, parts, index_at_end, part)
     SELECT f.id, f.tenant, f.job, f.task, attempt, output, name, bytes, parts::jsonb, index_at_end,
       task.kind IN ('sound', 'follow') OR task.segment IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM jsonb_array_elements(job.spec -> 'outputs') AS o
         WHERE o ->> 'id' = output AND o ->> 'kind' = 'depth-maps')
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
       $9::text[], $10::boolean[])
       AS f (id, tenant, job, task, attempt, output, name, bytes, parts, index_at_end)
     JOIN task ON task.id = f.task JOIN job ON job.id = f.job`,
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
  const lost = await tx.query<{ id: string; job: string }>(
    `WITH lost AS (
       UPDATE attempt SET state = 'superseded', ended_at = now(), fps = 0
       WHERE task = ANY($1) AND state IN ('offered', 'leased') RETURNING id, task, job
     ), freed AS (
       UPDATE task SET live = 0 FROM lost WHERE task.id = lost.task
     )
     SELECT id, job FROM lost`,
    [tasks],
  );
  for (const job of new Set(lost.map(({ job }) => job))) {
    const attempts = lost.filter((one) => one.job === job).map(({ id }) => id);
    await notify(tx, { what: 'cancel', job, attempts });
  }
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
