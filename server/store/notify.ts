import type { Queries } from './database.ts';

/** One channel for all that servers on one database tell each other; whoever misses it finds out by looking. */
export const CHANNEL = 'edge_runner';

/** What changed: something can be worked on, a job moved, a node's row is another, a job's attempts are to stop. */
export type Notice =
  | { what: 'queue' }
  | { what: 'jobs'; ids: string[] }
  | { what: 'node'; id: string }
  | { what: 'cancel'; job: string };

/** Payloads may have 8,000 bytes. */
const MOST_IDS = 200;

/** Heard when the transaction around it is done. */
export async function notify(db: Queries, ...notices: Notice[]): Promise<void> {
  const split = notices.flatMap((notice): Notice[] => {
    if (notice.what !== 'jobs' || notice.ids.length <= MOST_IDS) return [notice];
    const count = Math.ceil(notice.ids.length / MOST_IDS);
    return Array.from({ length: count }, (_, i) => ({
      what: 'jobs',
      ids: notice.ids.slice(i * MOST_IDS, (i + 1) * MOST_IDS),
    }));
  });
  await db.query(`SELECT pg_notify('${CHANNEL}', payload) FROM unnest($1::text[]) AS payload`, [
    split.map((notice) => JSON.stringify(notice)),
  ]);
}
