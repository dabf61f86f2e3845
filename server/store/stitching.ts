import type { ErrorRecord } from '../../protocol/index.ts';
import { lease, type NewAttempt, OF_SERVER } from './claims.ts';
import type { Database } from './database.ts';
import { endAttempts, MOST_FAILURES } from './endings.ts';
import { endJob } from './jobs.ts';
import { acceptOffers, type Held } from './leases.ts';

/** What a server does itself: tasks whose needs no node has. */

/** Takes the first that waits. @returns null where there is none. */
export function claimForServer(db: Database, ttlMs: number): Promise<NewAttempt | null> {
  return db.transaction(async (tx) => {
    const [next] = await tx.query<{ id: string }>(
      `SELECT id FROM task WHERE state = 'queued' AND needs_key = $1 AND (wait_until IS NULL OR wait_until <= now())
       ORDER BY priority DESC, position LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [OF_SERVER],
    );
    if (!next) return null;
    const [made] = await lease(tx, [{ task: next.id, node: null }], ttlMs);
    await acceptOffers(tx, [made!], ttlMs);
    return made!;
  });
}

/** When work at a source was begun. */
export async function beganAt(db: Database, job: string, source: string): Promise<Date> {
  const [row] = await db.query<{ at: Date }>(
    `SELECT min(attempt.started_at) AS at FROM attempt JOIN task ON task.id = attempt.task
     WHERE attempt.job = $1 AND task.source = $2 AND task.kind = 'process'`,
    [job, source],
  );
  return row!.at;
}

/**
 * A segment is not what its node said: it is worked at again, and joined after that. Its job fails where that has
 * happened too often.
 * @param joining the attempt that found it out.
 * @returns the attempt whose files are of no use; null where there was none.
 */
export function redoSegment(
  db: Database,
  { joining, job, source, kind, place, error }: RedoneSegment,
): Promise<string | null> {
  return db.transaction(async (tx) => {
    const [ended] = await endAttempts(tx, [{ ...joining, state: 'returned', error, retry: true }]);
    if (!ended) return null;
    const [segment] = await tx.query<{ failures: number; attempt: string }>(
      `WITH old AS (
         SELECT id, accepted_attempt FROM task WHERE job = $1 AND source = $2 AND (segment ->> 'ordinal')::int = $3
           AND kind = $5 AND state = 'done'
       ), opened AS (
         UPDATE task SET state = 'queued', accepted_attempt = NULL, outcome = NULL, ended_at = NULL,
           failures = failures + 1, error = $4::jsonb
         FROM old WHERE task.id = old.id RETURNING task.id, task.failures, task.ordinal, old.accepted_attempt
       ), bad AS (
         UPDATE attempt SET state = 'failed', error = $4::jsonb FROM opened WHERE attempt.id = opened.accepted_attempt
       ), gone AS (
         DELETE FROM blob USING opened WHERE blob.attempt = opened.accepted_attempt
       ), told AS (
         INSERT INTO event (job, task, attempt, type, data)
         SELECT $1, ordinal, accepted_attempt, 'task.queued', jsonb_build_object('error', $4::jsonb) FROM opened
       )
       SELECT failures, accepted_attempt AS attempt FROM opened`,
      [job, source, place, JSON.stringify(error), kind],
    );
    if (!segment) return null;
    await tx.query(`UPDATE task SET state = 'blocked' WHERE id = $1 AND state = 'queued'`, [ended.task]);
    if (segment.failures >= MOST_FAILURES) await endJob(tx, job, 'failed', error);
    return segment.attempt;
  });
}

export interface RedoneSegment {
  joining: Held;
  job: string;
  source: string;
  /** The pass that it is of. */
  kind: 'process' | 'render';
  /** Of the segment, in the order of its source. */
  place: number;
  error: ErrorRecord;
}
