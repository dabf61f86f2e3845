import type { Queries } from './database.ts';

interface Count {
  state: string;
  count: number;
}

/** Tasks that have not ended and nodes that are connected, by state, how long the first task in the queue has waited, live streams. */
export async function census(db: Queries): Promise<{
  tasks: Count[];
  nodes: Count[];
  queueAgeSeconds: number;
  streams: number;
  viewers: number;
}> {
  const tasks = await db.query<Count & { age: number }>(
    // In the words of the index of open tasks.
    `SELECT task.state, count(*)::int AS count, extract(epoch FROM now() - min(job.created_at))::float8 AS age
     FROM task JOIN job ON job.id = task.job
     WHERE task.state NOT IN ('done', 'failed', 'dead', 'cancelled') GROUP BY task.state`,
  );
  const nodes = await db.query<Count>(
    `SELECT state, count(*)::int AS count FROM node WHERE session IS NOT NULL AND revoked_at IS NULL GROUP BY state`,
  );
  const [live] = await db.query<{ streams: number; viewers: number }>(
    `SELECT count(*)::int AS streams, coalesce(sum(viewers), 0)::int AS viewers FROM stream WHERE state = 'live'`,
  );
  const queueAgeSeconds = tasks.find(({ state }) => state === 'queued')?.age ?? 0;
  return { tasks, nodes, queueAgeSeconds, ...live! };
}
