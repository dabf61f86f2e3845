import type {
  DeviceReport,
  FarmSample,
  JobState,
  LoadReport,
  NodeState,
  PauseReason,
  Trust,
} from '../../protocol/index.ts';
import type { Queries } from './database.ts';

/** What dashboards look at every second: as few columns as they show, and by index. */

export interface FarmNodeRow {
  id: string;
  name: string;
  host: 'tab' | 'headless';
  state: NodeState;
  reason: string | null;
  suspended_until: Date | null;
  pause: PauseReason | null;
  connected: boolean;
  trust: Trust;
  region: string | null;
  labels: string[];
  slots: number;
  running: number;
  fps: number;
  cores: number | null;
  adapter: { vendor: string; architecture: string; description: string; software: boolean } | null;
  device: DeviceReport | null;
  load: LoadReport | null;
  failures: number;
  last_seen: Date | null;
}

/** Those that were connected first come first. */
export const farmNodes = (db: Queries, tenant: string): Promise<FarmNodeRow[]> =>
  db.query(
    `SELECT node.id, node.name, host, node.state, reason, suspended_until, pause, session IS NOT NULL AS connected, trust,
       coalesce(region, said_region) AS region, ARRAY(SELECT DISTINCT unnest(labels || said_labels) ORDER BY 1) AS labels,
       slots, coalesce(live.running, 0) AS running, coalesce(live.fps, 0) AS fps,
       (capabilities ->> 'cores')::int AS cores, capabilities -> 'adapter' AS adapter, device, load, failures, last_seen
     FROM node LEFT JOIN (
       SELECT node, count(*)::int AS running, sum(fps)::float8 AS fps FROM attempt
       WHERE state IN ('offered', 'leased') GROUP BY node
     ) live ON live.node = node.id
     WHERE tenant = $1 AND revoked_at IS NULL ORDER BY created_at, node.id`,
    [tenant],
  );

/** Jobs by state: those that are open, and those that ended within the last day. */
export const jobCounts = (db: Queries, tenant: string): Promise<{ state: JobState; count: number }[]> =>
  db.query(
    `SELECT state, count(*)::int AS count FROM job WHERE tenant = $1 AND state IN ('queued', 'running') GROUP BY state
     UNION ALL
     SELECT state, count(*)::int FROM job WHERE tenant = $1 AND ended_at > now() - interval '1 day' GROUP BY state`,
    [tenant],
  );

/** Every tenant's part of the farm at this moment. */
export const samples = (db: Queries): Promise<(Omit<FarmSample, 'at'> & { tenant: string })[]> =>
  db.query(
    `SELECT tenant.id AS tenant, coalesce(n.nodes, 0) AS nodes, coalesce(t.running, 0) AS running,
       coalesce(t.queued, 0) AS queued, coalesce(a.fps, 0) AS fps
     FROM tenant
     LEFT JOIN (SELECT tenant, count(*)::int AS nodes FROM node
       WHERE session IS NOT NULL AND revoked_at IS NULL GROUP BY tenant) n ON n.tenant = tenant.id
     LEFT JOIN (SELECT tenant, (count(*) FILTER (WHERE state = 'leased'))::int AS running,
         (count(*) FILTER (WHERE state = 'queued'))::int AS queued FROM task
       WHERE state NOT IN ('done', 'failed', 'dead', 'cancelled') GROUP BY tenant) t ON t.tenant = tenant.id
     LEFT JOIN (SELECT task.tenant, sum(attempt.fps)::float8 AS fps FROM attempt JOIN task ON task.id = attempt.task
       WHERE attempt.state IN ('offered', 'leased') GROUP BY task.tenant) a ON a.tenant = tenant.id`,
  );
