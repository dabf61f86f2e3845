import type { FileMark } from '../net/file-mark.ts';
import type { Queries } from './database.ts';

/** Notes what a source of a job was when it was read first. @returns what that was. */
export async function markSource(
  db: Queries,
  job: string,
  source: string,
  { etag, bytes, modified }: FileMark,
): Promise<FileMark> {
  await db.query(
    `INSERT INTO source_mark (job, source, etag, bytes, modified) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [job, source, etag, bytes, modified],
  );
  const [mark] = await db.query<FileMark>(
    'SELECT etag, bytes, modified FROM source_mark WHERE job = $1 AND source = $2',
    [job, source],
  );
  return mark!;
}

/** A job that is taken up again may read what its addresses hold by then, where nothing of it is done. */
export const forgetMarks = (db: Queries, job: string): Promise<unknown[]> =>
  db.query(
    `DELETE FROM source_mark WHERE job = $1
       AND NOT EXISTS (SELECT 1 FROM task WHERE task.job = source_mark.job AND task.source = source_mark.source
         AND state = 'done' AND kind <> 'probe')`,
    [job],
  );

/** Key of the copy that was made of a source; null where there is none. */
export async function copyOf(db: Queries, job: string, source: string): Promise<string | null> {
  const [row] = await db.query<{ copy: string | null }>(
    'SELECT copy FROM source_mark WHERE job = $1 AND source = $2',
    [job, source],
  );
  return row?.copy ?? null;
}

/** Of two servers that made one the first one's counts. @returns its key. */
export async function keepCopy(db: Queries, job: string, source: string, key: string): Promise<string> {
  const [row] = await db.query<{ copy: string }>(
    `INSERT INTO source_mark (job, source, copy) VALUES ($1, $2, $3)
     ON CONFLICT (job, source) DO UPDATE SET copy = coalesce(source_mark.copy, excluded.copy) RETURNING copy`,
    [job, source, key],
  );
  return row!.copy;
}

/** Forgets the copies of jobs that have ended. @returns their keys. */
export async function dropCopies(db: Queries, limit: number): Promise<string[]> {
  const rows = await db.query<{ copy: string }>(
    `WITH old AS (
       SELECT job, source, copy FROM source_mark JOIN job ON job.id = source_mark.job
       WHERE copy IS NOT NULL AND job.state NOT IN ('queued', 'running') LIMIT $1 FOR UPDATE OF source_mark
     )
     UPDATE source_mark SET copy = NULL FROM old
     WHERE source_mark.job = old.job AND source_mark.source = old.source RETURNING old.copy`,
    [limit],
  );
  return rows.map(({ copy }) => copy);
}
