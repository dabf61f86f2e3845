import type { Segment } from '../../protocol/index.ts';
import { columns } from './columns.ts';
import type { Queries } from './database.ts';
import type { TaskKind } from './jobs.ts';
import { notify } from './notify.ts';

/** What proves who may write. */
export interface Held {
  attempt: string;
  lease: string;
}

const heldColumns = (held: readonly Held[]) =>
  columns(
    held,
    ({ attempt }) => attempt,
    ({ lease }) => lease,
  );

/** Offers that were accepted in time. @returns the attempts that are leased now. */
export async function acceptOffers(db: Queries, held: readonly Held[], ttlMs: number): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `UPDATE attempt SET state = 'leased', accepted_at = coalesce(accepted_at, now()), moved_at = coalesce(moved_at, now()),
       lease_until = now() + $3 * interval '1 millisecond'
     FROM unnest($1::text[], $2::text[]) AS held (id, lease)
     WHERE attempt.id = held.id AND attempt.lease = held.lease AND attempt.state IN ('offered', 'leased')
     RETURNING attempt.id`,
    [...heldColumns(held), ttlMs],
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
    [...heldColumns(held), ttlMs],
  );
  return new Set(rows.map(({ id }) => id));
}

export interface Moved extends Held {
  frames: number;
  of: number | null;
  fps: number;
  /** Whether its turn has not come yet. */
  waits: boolean;
}

/** How far attempts are. One that is no further than before has not moved, unless it waits for its turn. @returns the jobs they are of. */
export async function recordProgress(db: Queries, moved: readonly Moved[]): Promise<string[]> {
  const rows = await db.query<{ job: string }>(
    `UPDATE attempt SET frames = greatest(attempt.frames, moved.frames), expected = coalesce(moved.expected, attempt.expected),
       fps = moved.fps, moved_at = CASE WHEN moved.waits OR moved.frames > attempt.frames THEN now() ELSE attempt.moved_at END
     FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::float4[],
       $6::boolean[]) AS moved (id, lease, frames, expected, fps, waits)
     WHERE attempt.id = moved.id AND attempt.lease = moved.lease AND attempt.state = 'leased'
     RETURNING attempt.job`,
    columns(
      moved,
      ({ attempt }) => attempt,
      ({ lease }) => lease,
      ({ frames }) => frames,
      ({ of }) => of,
      ({ fps }) => fps,
      ({ waits }) => waits,
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
  kind: TaskKind;
  source: string;
  segment: Segment | null;
  state: 'offered' | 'leased';
}

const LIVE = `SELECT attempt.id, attempt.lease, attempt.task, attempt.job, task.tenant, attempt.node, task.kind, task.source,
    task.segment, attempt.state FROM attempt JOIN task ON task.id = attempt.task WHERE attempt.state IN ('offered', 'leased')`;

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

/** What the engine says on its way: people who wait for the job read it. */
export async function recordWord(db: Queries, { attempt, lease }: Held, message: string): Promise<void> {
  const [row] = await db.query<{ job: string }>(
    `INSERT INTO event (job, task, attempt, node, type, data)
     SELECT attempt.job, task.ordinal, attempt.id, attempt.node, 'attempt.log', $3::jsonb
     FROM attempt JOIN task ON task.id = attempt.task
     WHERE attempt.id = $1 AND attempt.lease = $2 AND attempt.state = 'leased' RETURNING job`,
    [attempt, lease, JSON.stringify({ message })],
  );
  if (row) await notify(db, { what: 'jobs', ids: [row.job] });
}
