import type { Direction } from '../../protocol/index.ts';
import type { Database, Queries } from './database.ts';
import { notify } from './notify.ts';

export interface ViewerRow {
  id: string;
  stream: string;
  token: string;
  state: 'asked' | 'answered' | 'refused' | 'ended';
  answer: string | null;
  reason: string | null;
}

const VIEWER = 'id, stream, token, state, answer, reason';
const ALIVE = `('asked', 'answered')`;

/**
 * Somebody asks to watch a stream. It counts itself on the stream's own row, which one transaction at a time changes:
 * however many ask at once, and of whatever server, no more than the cap come in.
 * @returns whether it is asked; else the stream is full, idle, of the other direction or not there.
 */
export async function askForStream(
  db: Database,
  {
    id,
    stream,
    tenant,
    token,
    direction,
    offer,
  }: { id: string; stream: string; tenant: string; token: string; direction: Direction; offer: string },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const asked = await tx.query(
      `WITH room AS (
         UPDATE stream SET viewers = viewers + 1
         WHERE id = $2 AND tenant = $3 AND direction = $5 AND state = 'live' AND viewers < max_viewers
         RETURNING id, tenant, publisher_session
       )
       INSERT INTO viewer (id, stream, tenant, token, publisher_session, state, offer)
       SELECT $1, room.id, room.tenant, $4, room.publisher_session, 'asked', $6 FROM room RETURNING id`,
      [id, stream, tenant, token, direction, offer],
    );
    if (asked.length > 0) await notify(tx, { what: 'stream', id: stream });
    return asked.length > 0;
  });
}

/** A viewer of a tenant's stream. */
export async function findViewer(
  db: Queries,
  { tenant, stream, id }: { tenant: string; stream: string; id: string },
): Promise<ViewerRow | null> {
  const [row] = await db.query<ViewerRow>(
    `SELECT ${VIEWER} FROM viewer WHERE id = $1 AND stream = $2 AND tenant = $3`,
    [id, stream, tenant],
  );
  return row ?? null;
}

/** Of these viewers the offers that wait for an answer. */
export const offersOf = (db: Queries, ids: readonly string[]): Promise<{ id: string; offer: string }[]> =>
  db.query(`SELECT id, offer FROM viewer WHERE id = ANY($1) AND state = 'asked' ORDER BY asked_at, id`, [
    ids,
  ]);

/** What speaks for a tab. */
export interface Speaker {
  stream: string;
  connection: string;
}

/** The tab answered an offer. @returns whether somebody waited for it. */
export async function answerViewer(
  db: Queries,
  { stream, connection }: Speaker,
  id: string,
  answer: string,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE viewer SET state = 'answered', answer = $4, offer = NULL FROM stream
     WHERE viewer.id = $3 AND viewer.state = 'asked' AND viewer.stream = stream.id AND stream.id = $1
       AND stream.connection = $2 RETURNING viewer.id`,
    [stream, connection, id, answer],
  );
  if (rows.length > 0) await notify(db, { what: 'viewer', id });
  return rows.length > 0;
}

/**
 * Ends viewers, takes them off their streams' count and lets both ends know.
 * @param which chooses among those alive, in SQL, by `viewer` and the parameters from `$3` on.
 */
async function endWhere(
  db: Queries,
  which: string,
  params: readonly unknown[],
  { state = 'ended', reason = null }: { state?: 'ended' | 'refused'; reason?: string | null } = {},
): Promise<string[]> {
  const rows = await db.query<{ id: string; stream: string }>(
    `WITH gone AS (
       UPDATE viewer SET state = $1, reason = $2, ended_at = now(), offer = NULL, answer = NULL WHERE viewer.id IN (
         SELECT viewer.id FROM viewer WHERE viewer.state IN ${ALIVE} AND ${which} ORDER BY viewer.id FOR UPDATE OF viewer)
       AND viewer.state IN ${ALIVE} RETURNING viewer.id, viewer.stream
     ), fewer AS (
       UPDATE stream SET viewers = viewers - n.count
       FROM (SELECT stream, count(*)::int AS count FROM gone GROUP BY stream) n WHERE stream.id = n.stream
     )
     SELECT id, stream FROM gone`,
    [state, reason, ...params],
  );
  const streams = [...new Set(rows.map(({ stream }) => stream))];
  if (rows.length > 0)
    await notify(
      db,
      ...rows.map(({ id }) => ({ what: 'viewer', id }) as const),
      ...streams.map((id) => ({ what: 'stream', id }) as const),
    );
  return rows.map(({ id }) => id);
}

/** The tab refused a viewer, or says that it is gone. */
export const dropViewer = (
  db: Queries,
  { stream, connection }: Speaker,
  id: string,
  reason: string | null,
): Promise<string[]> =>
  endWhere(
    db,
    `viewer.id = $3 AND EXISTS (SELECT 1 FROM stream WHERE stream.id = viewer.stream AND stream.id = $4 AND connection = $5)`,
    [id, stream, connection],
    reason === null ? {} : { state: 'refused', reason },
  );

/** @param unanswered only where nobody answered it yet. @returns whether it was alive. */
export const endViewer = async (
  db: Queries,
  id: string,
  { unanswered = false }: { unanswered?: boolean } = {},
): Promise<boolean> =>
  (await endWhere(db, `viewer.id = $3 AND (viewer.state = 'asked' OR NOT $4)`, [id, unanswered])).length > 0;

/** Those of a stream that another tab was asked for. */
export const endStrangers = (db: Queries, stream: string, session: string): Promise<string[]> =>
  endWhere(db, 'viewer.stream = $3 AND viewer.publisher_session <> $4', [stream, session]);

/**
 * Ends whoever watches what is not live any more, or with a token that is not good any more, and whose server went away
 * before the offer was answered.
 */
export const endLateViewers = (db: Queries, answerMs: number): Promise<string[]> =>
  endWhere(
    db,
    `(EXISTS (SELECT 1 FROM stream WHERE stream.id = viewer.stream AND stream.state = 'idle')
       OR (viewer.state = 'asked' AND asked_at < now() - $3 * interval '1 millisecond')
       OR NOT EXISTS (SELECT 1 FROM token WHERE token.id = viewer.token AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > now())))`,
    [answerMs],
  );

/** Forgets those that ended so long ago. @returns how many, at most so many. */
export async function deleteOldViewers(db: Queries, seconds: number, limit: number): Promise<number> {
  const gone = await db.query(
    `DELETE FROM viewer WHERE id IN (
       SELECT id FROM viewer WHERE ended_at < now() - $1 * interval '1 second' LIMIT $2) RETURNING id`,
    [seconds, limit],
  );
  return gone.length;
}
