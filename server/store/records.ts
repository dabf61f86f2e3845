import type { Segment } from '../../protocol/index.ts';
import type { Queries } from './database.ts';
import { newId } from './ids.ts';
import type { Held } from './leases.ts';

/** Rows that are only written and read: settings, uploads, files, events, the audit. */

/** The value of a setting; made once, the same for all servers on this database. */
export async function settingOnce(db: Queries, name: string, make: () => string): Promise<string> {
  await db.query('INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, make()]);
  const [row] = await db.query<{ value: string }>('SELECT value FROM setting WHERE name = $1', [name]);
  return row!.value;
}

export interface UploadRow {
  id: string;
  tenant: string;
  name: string;
  bytes: number | null;
  done: boolean;
  created_at: Date;
}

export async function createUpload(
  db: Queries,
  { tenant, token, name }: { tenant: string; token: string; name: string },
): Promise<string> {
  const id = newId('u');
  await db.query('INSERT INTO upload (id, tenant, created_by, name) VALUES ($1, $2, $3, $4)', [
    id,
    tenant,
    token,
    name,
  ]);
  return id;
}

export async function finishUpload(db: Queries, id: string, bytes: number): Promise<void> {
  await db.query('UPDATE upload SET done = true, bytes = $2 WHERE id = $1', [id, bytes]);
}

export const findUploads = (db: Queries, tenant: string, ids: readonly string[]): Promise<UploadRow[]> =>
  db.query('SELECT * FROM upload WHERE tenant = $1 AND id = ANY($2)', [tenant, ids]);

export const deleteUploads = (db: Queries, ids: readonly string[]): Promise<{ id: string }[]> =>
  db.query('DELETE FROM upload WHERE id = ANY($1) RETURNING id', [ids]);

const UNNAMED = `NOT EXISTS (
  SELECT 1 FROM job WHERE job.tenant = upload.tenant AND job.spec::text LIKE '%"' || upload.id || '"%')`;

/** Of these uploads those that no job names. */
export const unnamedOf = async (db: Queries, ids: readonly string[]): Promise<string[]> =>
  (await db.query<{ id: string }>(`SELECT id FROM upload WHERE id = ANY($1) AND ${UNNAMED}`, [ids])).map(
    ({ id }) => id,
  );

/** Uploads that no job names, older than that. */
export const strayUploads = (db: Queries, seconds: number, limit: number): Promise<UploadRow[]> =>
  db.query(
    `SELECT * FROM upload WHERE created_at < now() - $1 * interval '1 second' AND ${UNNAMED}
     ORDER BY created_at LIMIT $2`,
    [seconds, limit],
  );

export interface BlobRow {
  id: string;
  job: string;
  task: string;
  attempt: string;
  output: string;
  name: string;
  bytes: number;
  parts: string[];
  index_at_end: boolean;
  ordinal: number;
  source: string;
}

const BLOB = `SELECT blob.id, blob.job, blob.task, attempt, output, name, bytes, parts, index_at_end, task.ordinal,
    task.source FROM blob JOIN task ON task.id = blob.task AND task.accepted_attempt = blob.attempt AND NOT part`;

/** The files of accepted attempts. */
export const filesOfJob = (db: Queries, job: string): Promise<BlobRow[]> =>
  db.query(`${BLOB} WHERE blob.job = $1 ORDER BY task.ordinal, output, name`, [job]);

/** What was made of the segments of a source and waits to be joined, in their order. */
export const partsOfSource = (
  db: Queries,
  job: string,
  source: string,
): Promise<(BlobRow & { segment: Segment })[]> =>
  db.query(
    `SELECT blob.id, blob.job, blob.task, attempt, output, name, bytes, parts, index_at_end, task.ordinal, task.source,
       task.segment FROM blob JOIN task ON task.id = blob.task AND task.accepted_attempt = blob.attempt AND part
     WHERE blob.job = $1 AND task.source = $2 ORDER BY task.ordinal, output`,
    [job, source],
  );

/** The file of who was followed through the segment of a live attempt. */
export async function tracksOf(
  db: Queries,
  { attempt, lease }: Held,
): Promise<{ id: string; bytes: number } | null> {
  const [row] = await db.query<{ id: string; bytes: number }>(
    `SELECT blob.id, blob.bytes FROM attempt JOIN task ON task.id = attempt.task
     JOIN task follow ON follow.job = task.job AND follow.source = task.source AND follow.kind = 'follow'
     JOIN blob ON blob.task = follow.id AND blob.attempt = follow.accepted_attempt
       AND blob.name = (task.segment ->> 'ordinal') || '.ndjson'
     WHERE attempt.id = $1 AND attempt.lease = $2 AND attempt.state IN ('offered', 'leased')`,
    [attempt, lease],
  );
  return row ?? null;
}

/** Forgets files. Their bytes are the caller's to remove, first. */
export const deleteBlobs = (db: Queries, ids: readonly string[]): Promise<{ id: string }[]> =>
  db.query('DELETE FROM blob WHERE id = ANY($1) RETURNING id', [ids]);

export async function fileOfJob(
  db: Queries,
  job: string,
  { ordinal, output, name }: { ordinal: number; output: string; name: string },
): Promise<BlobRow | null> {
  const [row] = await db.query<BlobRow>(
    `${BLOB} WHERE blob.job = $1 AND task.ordinal = $2 AND output = $3 AND name = $4`,
    [job, ordinal, output, name],
  );
  return row ?? null;
}

export interface EventRow {
  id: number;
  job: string;
  task: number | null;
  attempt: string | null;
  node: string | null;
  type: string;
  data: Record<string, unknown>;
  at: Date;
}

export const eventsAfter = (db: Queries, job: string, after: number, limit: number): Promise<EventRow[]> =>
  db.query('SELECT * FROM event WHERE job = $1 AND id > $2 ORDER BY id LIMIT $3', [job, after, limit]);

export interface AuditRow {
  id: number;
  by_name: string;
  action: string;
  subject: string;
  data: Record<string, unknown>;
  at: Date;
}

export async function recordAct(
  db: Queries,
  {
    tenant,
    token,
    by,
    action,
    subject,
    data,
  }: { tenant: string; token: string; by: string; action: string; subject: string; data: object },
): Promise<void> {
  await db.query(
    `INSERT INTO audit (tenant, token, by_name, action, subject, data) VALUES ($1, $2, $3, $4, $5, $6::jsonb)`,
    [tenant, token, by, action, subject, JSON.stringify(data)],
  );
}

/** Newest first. */
export const listActs = (
  db: Queries,
  tenant: string,
  { before, limit }: { before: number | null; limit: number },
): Promise<AuditRow[]> =>
  db.query(
    `SELECT * FROM audit WHERE tenant = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    [tenant, before, limit],
  );
