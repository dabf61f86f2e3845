import type {
  CapabilityReport,
  DeviceReport,
  LoadReport,
  MeasuredSpeeds,
  NodeState,
  PauseReason,
  Trust,
} from '../../protocol/index.ts';
import { columns } from './columns.ts';
import type { Queries } from './database.ts';
import { hashOf, newId, newSecret } from './ids.ts';
import type { TokenRow } from './tenants.ts';

export interface NodeRow {
  id: string;
  tenant: string;
  name: string;
  host: 'tab' | 'headless';
  trust: Trust;
  region: string | null;
  labels: string[];
  state: NodeState;
  reason: string | null;
  suspended_until: Date | null;
  suspensions: number;
  failures: number;
  capabilities: CapabilityReport | null;
  speeds: MeasuredSpeeds;
  slots: number;
  build: string | null;
  device: DeviceReport | null;
  load: LoadReport | null;
  pause: PauseReason | null;
  session: string | null;
  created_at: Date;
  last_seen: Date | null;
  revoked_at: Date | null;
  /** Whether it works for every tenant. */
  operator: boolean;
}

const NODE = `node.id, node.tenant, node.name, host, trust, coalesce(region, said_region) AS region,
  ARRAY(SELECT DISTINCT unnest(labels || said_labels) ORDER BY 1) AS labels, state, reason, suspended_until,
  suspensions, failures, capabilities, speeds, slots, build, device,
  load, pause, session, node.created_at, last_seen, revoked_at,
  (SELECT operator FROM tenant WHERE tenant.id = node.tenant) AS operator`;

/** A node takes what its enrolment token says of it. @returns the row, and the credential, which is kept nowhere. */
export async function enrolNode(
  db: Queries,
  token: TokenRow,
  { name, host }: { name: string; host: 'tab' | 'headless' },
): Promise<{ row: NodeRow; credential: string }> {
  const credential = newSecret('node');
  const [row] = await db.query<NodeRow>(
    `INSERT INTO node (id, tenant, name, host, hash, enrolled_by, trust, region, labels)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${NODE}`,
    [
      newId('n'),
      token.tenant,
      name,
      host,
      hashOf(credential),
      token.id,
      token.trust,
      token.region,
      token.labels,
    ],
  );
  return { row: row!, credential };
}

export async function findNodeByCredential(db: Queries, credential: string): Promise<NodeRow | null> {
  const [row] = await db.query<NodeRow>(`SELECT ${NODE} FROM node WHERE hash = $1`, [hashOf(credential)]);
  return row ?? null;
}

export const nodesById = (db: Queries, ids: readonly string[]): Promise<NodeRow[]> =>
  db.query(`SELECT ${NODE} FROM node WHERE id = ANY($1)`, [ids]);

/** Of every tenant and every server. */
export const connectedNodes = (db: Queries): Promise<NodeRow[]> =>
  db.query(`SELECT ${NODE} FROM node WHERE session IS NOT NULL AND revoked_at IS NULL`);

/** @param id of the only one that is wanted. */
export const listNodes = (
  db: Queries,
  tenant: string,
  id: string | null = null,
): Promise<(NodeRow & { running: number })[]> =>
  db.query(
    `SELECT ${NODE}, (SELECT count(*)::int FROM attempt WHERE attempt.node = node.id
       AND attempt.state IN ('offered', 'leased')) AS running
     FROM node WHERE tenant = $1 AND revoked_at IS NULL AND ($2::text IS NULL OR node.id = $2)
     ORDER BY created_at, id`,
    [tenant, id],
  );

export interface ConnectedNode {
  session: string;
  labels: string[];
  region?: string | undefined;
  build: string;
  slots: number;
  capabilities: CapabilityReport;
  speeds: MeasuredSpeeds;
  device?: DeviceReport | undefined;
  pause: PauseReason | null;
}

/** A node speaks through this connection now, and through no other. */
export async function connectNode(
  db: Queries,
  id: string,
  { session, build, slots, labels, region, capabilities, speeds, device, pause }: ConnectedNode,
): Promise<NodeRow> {
  const [row] = await db.query<NodeRow>(
    `UPDATE node SET session = $2, build = $3, slots = $4, capabilities = $5::jsonb, speeds = $6::jsonb,
       said_labels = $7, said_region = $8, device = $9::jsonb, pause = $10::jsonb, load = NULL, last_seen = now()
     WHERE id = $1 RETURNING ${NODE}`,
    [
      ...[id, session, build, slots, JSON.stringify(capabilities), JSON.stringify(speeds), labels],
      ...[region ?? null, device ? JSON.stringify(device) : null, pause && JSON.stringify(pause)],
    ],
  );
  return row!;
}

/** Nothing, where a newer connection speaks for it. */
export async function disconnectNode(db: Queries, id: string, session: string): Promise<void> {
  await db.query('UPDATE node SET session = NULL, last_seen = now() WHERE id = $1 AND session = $2', [
    id,
    session,
  ]);
}

/** Writes down that nodes are there, and how they fare. */
export async function touchNodes(
  db: Queries,
  nodes: readonly { id: string; load: LoadReport | null }[],
): Promise<void> {
  if (nodes.length === 0) return;
  await db.query(
    `UPDATE node SET last_seen = now(), load = given.load::jsonb
     FROM unnest($1::text[], $2::text[]) AS given (id, load) WHERE node.id = given.id`,
    columns(
      nodes,
      ({ id }) => id,
      ({ load }) => load && JSON.stringify(load),
    ),
  );
}

/** Nothing, where a newer connection speaks for it. */
export async function pauseNode(
  db: Queries,
  { id, session }: { id: string; session: string },
  pause: PauseReason | null,
): Promise<void> {
  await db.query('UPDATE node SET pause = $3::jsonb WHERE id = $1 AND session = $2', [
    id,
    session,
    pause && JSON.stringify(pause),
  ]);
}

/** Drains, disables or enables a node of the tenant. Enabled again, it starts with a clean sheet. */
export async function setNodeState(
  db: Queries,
  tenant: string,
  id: string,
  state: Exclude<NodeState, 'suspended'>,
  reason: string | null,
): Promise<NodeRow | null> {
  const [row] = await db.query<NodeRow>(
    `UPDATE node SET state = $3, reason = $4,
       failures = CASE WHEN $3 = 'active' THEN 0 ELSE failures END,
       suspensions = CASE WHEN $3 = 'active' THEN 0 ELSE suspensions END,
       suspended_until = NULL
     WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL RETURNING ${NODE}`,
    [id, tenant, state, reason],
  );
  return row ?? null;
}

export async function revokeNode(db: Queries, tenant: string, id: string): Promise<NodeRow | null> {
  const [row] = await db.query<NodeRow>(
    `UPDATE node SET revoked_at = now(), session = NULL WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL
     RETURNING ${NODE}`,
    [id, tenant],
  );
  return row ?? null;
}

/** Failures in a row from which on a node is given nothing for a while. */
export const BREAKER_FAILURES = 5;
/** Seconds of the first suspension; each further one is twice as long, up to an hour. */
const FIRST_SUSPENSION = 60;

/** Suspends those of the nodes that only fail. @returns the ones it suspended. */
export const tripBreakers = (db: Queries, ids: readonly string[]): Promise<NodeRow[]> =>
  db.query(
    `UPDATE node SET state = 'suspended',
       reason = 'its last ' || failures || ' tasks failed here',
       suspended_until = now() + least(${FIRST_SUSPENSION} * 2 ^ suspensions, 3600) * interval '1 second',
       suspensions = suspensions + 1
     WHERE id = ANY($1) AND state = 'active' AND failures >= ${BREAKER_FAILURES} RETURNING ${NODE}`,
    [ids],
  );

/** Gives suspended nodes another chance: one failure more and they are out again. @returns their ids. */
export async function endSuspensions(db: Queries): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `UPDATE node SET state = 'active', reason = NULL, suspended_until = NULL, failures = ${BREAKER_FAILURES - 1}
     WHERE state = 'suspended' AND suspended_until < now() RETURNING id`,
  );
  return rows.map(({ id }) => id);
}
