import {
  type FarmNode,
  type JobDetail,
  type JobEvent,
  type JobSpec,
  type JobView,
  type NodeAttempt,
  type NodeView,
  PART_BYTES,
  type ResultFile,
  type StreamView,
} from '../../protocol/index.ts';
import type { FarmNodeRow } from '../store/farm.ts';
import type { AttemptRow, JobProgressRow, NodeAttemptRow, TaskRow } from '../store/jobs.ts';
import type { NodeRow } from '../store/nodes.ts';
import type { BlobRow, EventRow } from '../store/records.ts';
import type { StreamRow } from '../store/streams.ts';
import type { TokenRow } from '../store/tenants.ts';
import { pathOf } from '../streams/path.ts';

/** Rows as the API shows them. */

const time = (date: Date): string => date.toISOString();
const timeOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;

export const showToken = ({ id, name, scope, labels, region, trust, ...row }: TokenRow) => ({
  ...{ id, name, scope, labels, region, trust },
  createdAt: time(row.created_at),
  expiresAt: timeOrNull(row.expires_at),
  revokedAt: timeOrNull(row.revoked_at),
  lastUsedAt: timeOrNull(row.last_used_at),
});

export const showNode = (node: NodeRow & { running: number }): NodeView => {
  const { id, name, host, state, reason, trust, region, labels, build, slots, running, speeds, failures } =
    node;
  const { device, load, pause } = node;
  return {
    ...{ id, name, host, state, reason, trust, region, labels, build, slots, running, speeds, failures },
    ...{ device, load, pause },
    suspendedUntil: timeOrNull(node.suspended_until),
    connected: node.session !== null,
    capabilities: node.capabilities,
    createdAt: time(node.created_at),
    lastSeen: timeOrNull(node.last_seen),
  };
};

export const showFarmNode = ({ last_seen, suspended_until, adapter, ...node }: FarmNodeRow): FarmNode => ({
  ...node,
  adapter:
    adapter && !adapter.software ? adapter.description || `${adapter.vendor} ${adapter.architecture}` : null,
  suspendedUntil: timeOrNull(suspended_until),
  lastSeen: timeOrNull(last_seen),
});

export const showJob = (row: JobProgressRow): JobView => ({
  id: row.id,
  title: row.title,
  state: row.state,
  priority: row.priority,
  createdAt: time(row.created_at),
  startedAt: timeOrNull(row.started_at),
  endedAt: timeOrNull(row.ended_at),
  tasks: { total: row.total, done: row.done, running: row.running, failed: row.failed },
  frames: row.frames,
  of: row.expected,
  fps: row.fps,
  error: row.error,
});

export const showFile = (row: BlobRow): ResultFile => ({
  task: row.ordinal,
  source: row.source,
  output: row.output,
  name: row.name,
  bytes: row.bytes,
  parts: row.parts,
  partBytes: PART_BYTES,
  indexAtEnd: row.index_at_end,
  path: `/v1/jobs/${row.job}/results/${row.ordinal}/${encodeURIComponent(row.output)}/${encodeURIComponent(row.name)}`,
});

export const showDetail = (
  row: JobProgressRow,
  tasks: readonly TaskRow[],
  attempts: readonly AttemptRow[],
  files: readonly BlobRow[],
): JobDetail => {
  const byTask = new Map<string, AttemptRow[]>(tasks.map(({ id }) => [id, []]));
  for (const attempt of attempts) byTask.get(attempt.task)?.push(attempt);
  return {
    ...showJob(row),
    spec: withoutSecrets(row.spec),
    taskList: tasks.map(({ id, ordinal, kind, state, source, segment, outcome, error }) => ({
      ...{ ordinal, kind, state, source, segment, outcome, error },
      attempts: byTask.get(id)!.map((attempt) => ({
        ...showAttempt(attempt),
        ...{ nodeId: attempt.node, node: attempt.node_name },
      })),
    })),
    files: files.map(showFile),
  };
};

const showAttempt = ({ id, n, state, started_at, ended_at, frames, error }: AttemptRow) => ({
  ...{ id, n, state, frames, error },
  startedAt: time(started_at),
  endedAt: timeOrNull(ended_at),
});

export const showNodeAttempt = (row: NodeAttemptRow): NodeAttempt => ({
  ...showAttempt(row),
  ...{ job: row.job, title: row.title, task: row.ordinal },
});

export const showEvent = ({ id, job, task, attempt, node, type, data, at }: EventRow): JobEvent => ({
  ...{ id, job, task, attempt, node, type, data },
  at: time(at),
});

export const showStream = (row: StreamRow): StreamView => ({
  ...{ id: row.id, name: row.name, title: row.title, direction: row.direction, state: row.state },
  ...{ viewers: row.viewers, maxViewers: row.max_viewers, path: pathOf(row) },
  bannerRevision: row.banner_revision,
  createdAt: time(row.created_at),
  publishedAt: time(row.published_at),
  seenAt: time(row.seen_at),
});

/** Headers and the query of an address may hold keys: they go to the origin, and to nobody else. */
const withoutSecrets = (spec: JobSpec): JobSpec => ({
  ...spec,
  sources: spec.sources.map((source) =>
    source.kind === 'http'
      ? {
          ...source,
          url: publicUrl(source.url),
          headers: Object.fromEntries(Object.keys(source.headers).map((name) => [name, '…'])),
        }
      : source,
  ),
});

function publicUrl(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}
