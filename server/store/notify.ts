import type { Queries } from './database.ts';

/** One channel for all that servers on one database tell each other; whoever misses it finds out by looking. */
export const CHANNEL = 'edge_runner';

/**
 * What changed: something can be worked on, a job moved, a node's row is another, attempts are to stop; of streams the
 * row, the banner or who watches, and of a viewer what became of its offer. Ids only: whoever hears of it reads the rows.
 */
export type Notice =
  | { what: 'queue' }
  | { what: 'jobs'; ids: string[] }
  | { what: 'node'; id: string }
  /** Of a whole job, or these of it. */
  | { what: 'cancel'; job: string; attempts?: string[] }
  | { what: 'stream'; id: string }
  | { what: 'viewer'; id: string };

/** Payloads may have 8,000 bytes. */
const MOST_IDS = 200;

/** Heard when the transaction around it is done. */
export async function notify(db: Queries, ...notices: Notice[]): Promise<void> {
  const split = notices.flatMap((notice): Notice[] => {
    if (notice.what === 'jobs') return pieces(notice.ids).map((ids) => ({ what: 'jobs', ids }));
    if (notice.what !== 'cancel' || !notice.attempts) return [notice];
    return pieces(notice.attempts).map((attempts) => ({ ...notice, attempts }));
  });
  await db.query(`SELECT pg_notify('${CHANNEL}', payload) FROM unnest($1::text[]) AS payload`, [
    split.map((notice) => JSON.stringify(notice)),
  ]);
}

const pieces = (ids: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(ids.length / MOST_IDS) }, (_, i) =>
    ids.slice(i * MOST_IDS, (i + 1) * MOST_IDS),
  );
