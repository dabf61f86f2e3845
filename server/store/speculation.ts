import type { TaskNeeds } from '../grid/needs.ts';
import { lease, type NewAttempt } from './claims.ts';
import type { Database, Queries } from './database.ts';

/** A task that one node works at, and that another may. */
export interface Straggler {
  task: string;
  job: string;
  needs: TaskNeeds;
  /** Of the segment that it is; null for what is none. */
  frames: number | null;
  /** How far its node is, how fast of late, and for how long it has had it, seconds. */
  done: number;
  fps: number;
  seconds: number;
  node: string;
  /** For how long nobody is connected as that node, seconds; null where it is. */
  away: number | null;
  /** Nodes that it was tried on already. */
  triedOn: string[];
}

/** Tasks under way of sources that have no segment left to begin. */
export const stragglers = (db: Queries, limit: number): Promise<Straggler[]> =>
  db.query(
    `SELECT task.id AS task, task.job, task.needs, (task.segment ->> 'frames')::int AS frames, attempt.frames AS done,
       attempt.fps::float8 AS fps, extract(epoch FROM now() - attempt.accepted_at)::float8 AS seconds, attempt.node,
       CASE WHEN node.session IS NULL THEN extract(epoch FROM now() - node.last_seen)::float8 END AS away,
       ARRAY(SELECT node FROM attempt other WHERE other.task = task.id) AS "triedOn"
     FROM task JOIN attempt ON attempt.task = task.id AND attempt.state = 'leased'
       JOIN node ON node.id = attempt.node
     WHERE task.state = 'leased' AND task.live = 1 AND task.max_live > 1
       AND NOT EXISTS (SELECT 1 FROM task waits WHERE waits.job = task.job AND waits.source = task.source
         AND waits.segment IS NOT NULL AND waits.state = 'queued')
     ORDER BY attempt.accepted_at LIMIT $1`,
    [limit],
  );

/** Gives tasks that are under way to further nodes. Those that have ended meanwhile, or have them already, are left out. */
export const leaseAlso = (
  db: Database,
  chosen: { task: string; node: string }[],
  offerMs: number,
): Promise<NewAttempt[]> => db.transaction((tx) => lease(tx, chosen, offerMs, 'leased'));
