import type { Queries } from './database.ts';

/** What tells one version of a file at an address from another; null is what its origin does not say. */
export interface SourceMark {
  etag: string | null;
  bytes: number | null;
}

/** Notes what a source of a job was when it was read first. @returns what that was. */
export async function markSource(
  db: Queries,
  job: string,
  source: string,
  { etag, bytes }: SourceMark,
): Promise<SourceMark> {
  await db.query(
    'INSERT INTO source_mark (job, source, etag, bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [job, source, etag, bytes],
  );
  const [mark] = await db.query<SourceMark>(
    'SELECT etag, bytes FROM source_mark WHERE job = $1 AND source = $2',
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
