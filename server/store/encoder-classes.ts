import type { TaskNeeds } from '../grid/needs.ts';
import type { Database } from './database.ts';
import { notify } from './notify.ts';

/**
 * Lets tasks that wait for encoders of one class go to others.
 * @param key of their needs as they are.
 * @param to what they need from now on, and its key.
 * @param why in words, told to whoever follows their jobs.
 */
export function widenClass(
  db: Database,
  key: string,
  to: { needs: TaskNeeds; needsKey: string },
  why: string,
): Promise<void> {
  return db.transaction(async (tx) => {
    const jobs = await tx.query<{ job: string }>(
      `WITH widened AS (
         UPDATE task SET needs = $2::jsonb, needs_key = $3 WHERE needs_key = $1 AND state IN ('blocked', 'queued')
         RETURNING job, source
       )
       INSERT INTO event (job, type, data)
       SELECT job, 'source.mixed', jsonb_build_object('source', source, 'message', source || ': ' || $4::text)
       FROM widened GROUP BY job, source RETURNING job`,
      [key, JSON.stringify(to.needs), to.needsKey, why],
    );
    if (jobs.length === 0) return;
    await notify(tx, { what: 'jobs', ids: [...new Set(jobs.map(({ job }) => job))] }, { what: 'queue' });
  });
}
