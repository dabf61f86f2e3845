import type { JobSpec } from '../../protocol/index.ts';
import type { TaskNeeds } from '../grid/needs.ts';
import type { Database } from './database.ts';
import type { PlannedTask } from './jobs.ts';
import { notify } from './notify.ts';
import { addTasks, tellWhole } from './results.ts';

/**
 * Gives the segments of a source up, where the last two attempts at one of them came out as the same and not as
 * planned: its source is not what its index says. It is carried out whole then, which gives what there is of it.
 * @param task of the segment.
 * @returns the attempts whose files are of no use any more; none where it is not so.
 */
export function giveUpSegments(
  db: Database,
  { task, job, source }: { task: string; job: string; source: string },
  plan: (spec: JobSpec, needs: TaskNeeds) => PlannedTask[],
): Promise<string[]> {
  return db.transaction(async (tx) => {
    const [running] = await tx.query(
      `SELECT id FROM job WHERE id = $1 AND state IN ('queued', 'running') FOR NO KEY UPDATE`,
      [job],
    );
    const last = await tx.query<{ code: string; message: string }>(
      `SELECT error ->> 'code' AS code, error ->> 'message' AS message FROM attempt
       WHERE task = $1 AND state = 'failed' ORDER BY n DESC LIMIT 2`,
      [task],
    );
    const [one, other] = last;
    if (!running || one?.code !== 'segment-short' || one.message !== other?.message) return [];
    const given = await tx.query<{ needs: TaskNeeds; attempt: string | null; live: boolean }>(
      `WITH old AS (
         SELECT id, needs, state, accepted_attempt FROM task
         WHERE job = $1 AND source = $2 AND (segment IS NOT NULL OR kind IN ('sound', 'follow', 'stitch'))
           AND state <> 'cancelled' FOR UPDATE
       ), given AS (
         UPDATE task SET state = 'cancelled', accepted_attempt = NULL, outcome = NULL, live = 0, ended_at = now()
         FROM old WHERE task.id = old.id
       ), ended AS (
         UPDATE attempt SET state = 'cancelled', ended_at = now(), fps = 0 FROM old
         WHERE attempt.task = old.id AND attempt.state IN ('offered', 'leased') RETURNING attempt.id, attempt.task
       ), forgotten AS (
         DELETE FROM blob USING old WHERE blob.task = old.id
       )
       SELECT old.needs, coalesce(ended.id, old.accepted_attempt) AS attempt, ended.id IS NOT NULL AS live
       FROM old LEFT JOIN ended ON ended.task = old.id`,
      [job, source],
    );
    await tellWhole(tx, job, source, one.message);
    await addTasks(tx, job, (spec) => plan(spec, given[0]!.needs));
    const attempts = given.flatMap(({ attempt, live }) => (live && attempt ? [attempt] : []));
    if (attempts.length > 0) await notify(tx, { what: 'cancel', job, attempts });
    await notify(tx, { what: 'jobs', ids: [job] });
    return given.flatMap(({ attempt }) => attempt ?? []);
  });
}
