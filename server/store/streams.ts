import { type BannerState, type Direction, type KeptBanner, MOST_STREAMS } from '../../protocol/index.ts';
import type { Database, Queries } from './database.ts';
import { hashOf, newId } from './ids.ts';
import { notify } from './notify.ts';
import { endStrangers } from './viewers.ts';

export interface StreamRow {
  id: string;
  tenant: string;
  name: string;
  title: string;
  direction: Direction;
  state: 'live' | 'idle';
  max_viewers: number;
  viewers: number;
  banner_revision: number;
  connection: string | null;
  created_at: Date;
  published_at: Date;
  seen_at: Date;
}

/** Without the banner, which may be large, and what is hashed. */
const STREAM = `id, tenant, name, title, direction, state, max_viewers, viewers, banner_revision, connection, created_at,
  published_at, seen_at`;

export interface NewStream {
  tenant: string;
  name: string;
  title: string;
  direction: Direction;
  maxViewers: number;
  /** Key of the tab. */
  session: string;
  token: string;
  connection: string;
  /** Id of the one that it has to be. */
  stream?: string | undefined;
}

/**
 * A tab publishes a stream, or takes it up again: its own at once, another's when that one has been silent for `ttlMs`.
 * @returns why not where it cannot: another tab has it, the one that it has to be is no more, there are as many as may be.
 */
export function publishStream(
  db: Database,
  { tenant, name, title, direction, maxViewers, session, token, connection, stream }: NewStream,
  ttlMs: number,
): Promise<StreamRow | 'taken' | 'deleted' | 'too-many'> {
  return db.transaction(async (tx) => {
    const [there] = await tx.query<{ id: string }>(
      'SELECT id FROM stream WHERE tenant = $1 AND name = $2 FOR UPDATE',
      [tenant, name],
    );
    if (stream !== undefined && there?.id !== stream) return 'deleted';
    if (!there && !(await hasPlace(tx, tenant))) return 'too-many';
    const key = hashOf(session);
    const [row] = await tx.query<StreamRow>(
      `INSERT INTO stream (id, tenant, name, title, direction, state, max_viewers, publisher_session, publisher_token,
         connection)
       VALUES ($1, $2, $3, $4, $5, 'live', $6, $7, $8, $9)
       ON CONFLICT (tenant, name) DO UPDATE SET title = excluded.title, direction = excluded.direction, state = 'live',
         max_viewers = excluded.max_viewers, publisher_session = excluded.publisher_session,
         publisher_token = excluded.publisher_token, connection = excluded.connection, seen_at = now(),
         published_at = CASE WHEN stream.state = 'idle' OR stream.publisher_session <> excluded.publisher_session
           THEN now() ELSE stream.published_at END
       WHERE stream.publisher_session = excluded.publisher_session OR stream.state = 'idle'
         OR stream.seen_at < now() - $10 * interval '1 millisecond'
       RETURNING ${STREAM}`,
      [newId('s'), tenant, name, title, direction, maxViewers, key, token, connection, ttlMs],
    );
    if (!row) return 'taken';
    await endStrangers(tx, row.id, key);
    // The connection that it replaces may be at another server.
    await notify(tx, { what: 'stream', id: row.id });
    return row;
  });
}

/** Of those who ask at once, one after the other is counted. */
async function hasPlace(tx: Queries, tenant: string): Promise<boolean> {
  await tx.query('SELECT 1 FROM tenant WHERE id = $1 FOR NO KEY UPDATE', [tenant]);
  const [row] = await tx.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM stream WHERE tenant = $1',
    [tenant],
  );
  return row!.count < MOST_STREAMS;
}

/** @param id of the only one that is wanted. */
export const listStreams = (db: Queries, tenant: string, id: string | null = null): Promise<StreamRow[]> =>
  db.query(`SELECT ${STREAM} FROM stream WHERE tenant = $1 AND ($2::text IS NULL OR id = $2) ORDER BY name`, [
    tenant,
    id,
  ]);

/** What the tab of a stream has to know, in short. */
export interface Standing {
  id: string;
  connection: string | null;
  bannerRevision: number;
  /** Ids of those alive, first come first. */
  viewers: string[];
  /** Whether the token that it is published with is good still. */
  good: boolean;
}

export const standingsOf = (db: Queries, ids: readonly string[]): Promise<Standing[]> =>
  db.query(
    `SELECT stream.id, connection, banner_revision AS "bannerRevision",
       ARRAY(SELECT viewer.id FROM viewer WHERE viewer.stream = stream.id AND viewer.state IN ('asked', 'answered')
         ORDER BY asked_at, viewer.id) AS viewers,
       EXISTS (SELECT 1 FROM token WHERE token.id = publisher_token
         AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS good
     FROM stream WHERE stream.id = ANY($1)`,
    [ids],
  );

/** The tabs of these connections were heard of. */
export async function touchStreams(db: Queries, connections: readonly string[]): Promise<void> {
  if (connections.length === 0) return;
  await db.query(`UPDATE stream SET seen_at = now() WHERE connection = ANY($1) AND state = 'live'`, [
    connections,
  ]);
}

/** A connection ended: the tab may come back. Nothing, where a newer one speaks for it. @param heard whether it said so. */
export async function leaveStream(
  db: Queries,
  { id, connection, heard }: { id: string; connection: string; heard: boolean },
): Promise<void> {
  await db.query(
    `UPDATE stream SET connection = NULL, seen_at = CASE WHEN $3 THEN now() ELSE seen_at END
     WHERE id = $1 AND connection = $2`,
    [id, connection, heard],
  );
}

/** Its tab publishes it no more. Nothing, where a newer connection speaks for it. */
export async function endStream(
  db: Queries,
  { id, connection }: { id: string; connection: string },
): Promise<void> {
  await db.query(`UPDATE stream SET state = 'idle', connection = NULL WHERE id = $1 AND connection = $2`, [
    id,
    connection,
  ]);
}

/** Streams whose tabs were not heard of for so long are idle, whatever server they were at. @returns their ids. */
export async function endSilentStreams(db: Queries, ttlMs: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `UPDATE stream SET state = 'idle', connection = NULL
     WHERE state = 'live' AND seen_at < now() - $1 * interval '1 millisecond' RETURNING id`,
    [ttlMs],
  );
  return rows.map(({ id }) => id);
}

/** A server that starts may have been away for long: tabs get one whole ttl to come back in. */
export async function extendStreams(db: Queries): Promise<void> {
  await db.query(`UPDATE stream SET seen_at = now() WHERE state = 'live'`);
}

/** Its viewers go with it. @returns whether there was one. */
export async function deleteStream(db: Queries, tenant: string, id: string): Promise<boolean> {
  const gone = await db.query('DELETE FROM stream WHERE tenant = $1 AND id = $2 RETURNING id', [tenant, id]);
  if (gone.length > 0) await notify(db, { what: 'stream', id });
  return gone.length > 0;
}

/** Forgets those that nobody has published for so long. @returns their ids, at most so many. */
export async function deleteIdleStreams(db: Queries, seconds: number, limit: number): Promise<string[]> {
  const gone = await db.query<{ id: string }>(
    `DELETE FROM stream WHERE id IN (
       SELECT id FROM stream WHERE state = 'idle' AND seen_at < now() - $1 * interval '1 second' LIMIT $2
       FOR UPDATE SKIP LOCKED) RETURNING id`,
    [seconds, limit],
  );
  return gone.map(({ id }) => id);
}

/** @returns null where the tenant has no such stream. */
export async function bannerOf(
  db: Queries,
  tenant: string,
  id: string,
): Promise<{ revision: number; state: BannerState | null } | null> {
  const [row] = await db.query<{ revision: number; state: BannerState | null }>(
    'SELECT banner_revision AS revision, banner AS state FROM stream WHERE tenant = $1 AND id = $2',
    [tenant, id],
  );
  return row ?? null;
}

/**
 * Keeps a banner; the tab hears of it.
 * @param connection where the tab itself changed it: nothing, where a newer one speaks for it.
 * @param revision that it is a change of; of any where it is absent.
 * @returns its revision; null where there is no such stream, or no such revision.
 */
export async function setBanner(
  db: Queries,
  which: { tenant: string; id: string; connection?: string | null; revision?: number | null },
  state: BannerState,
): Promise<KeptBanner | null> {
  const { tenant, id, connection = null, revision = null } = which;
  const [row] = await db.query<{ revision: number }>(
    `UPDATE stream SET banner = $4::jsonb, banner_revision = banner_revision + 1
     WHERE tenant = $1 AND id = $2 AND ($3::text IS NULL OR connection = $3)
       AND ($5::int IS NULL OR banner_revision = $5) RETURNING banner_revision AS revision`,
    [tenant, id, connection, JSON.stringify(state), revision],
  );
  if (!row) return null;
  await notify(db, { what: 'stream', id });
  return { revision: row.revision, state };
}
