import type { Scope, Trust } from '../../protocol/index.ts';
import type { Database, Queries } from './database.ts';
import { hashOf, newId, newSecret } from './ids.ts';

export interface TenantRow {
  id: string;
  name: string;
  operator: boolean;
  least_trust: Trust;
  created_at: Date;
}

export interface TokenRow {
  id: string;
  tenant: string;
  name: string;
  scope: Scope;
  labels: string[];
  region: string | null;
  trust: Trust;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  /** Of a session: the token that it was begun with, with which it ends. */
  parent: string | null;
}

export interface NewTokenRow {
  name: string;
  scope: Scope;
  expiresIn?: number | undefined;
  labels: string[];
  region?: string | undefined;
  trust: Trust;
}

const TOKEN =
  'id, tenant, name, scope, labels, region, trust, created_at, expires_at, revoked_at, last_used_at, parent';

/** @returns null when there is one of that name. */
export async function createTenant(
  db: Queries,
  { name, leastTrust, operator = false }: { name: string; leastTrust: Trust; operator?: boolean },
): Promise<TenantRow | null> {
  const [row] = await db.query<TenantRow>(
    `INSERT INTO tenant (id, name, operator, least_trust) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING RETURNING *`,
    [newId('te'), name, operator, leastTrust],
  );
  return row ?? null;
}

export const listTenants = (db: Queries): Promise<TenantRow[]> =>
  db.query('SELECT * FROM tenant ORDER BY created_at, id');

export async function tenantOf(db: Queries, id: string): Promise<TenantRow> {
  return (await db.query<TenantRow>('SELECT * FROM tenant WHERE id = $1', [id]))[0]!;
}

/** The tenant whose nodes work for all; made at the first start. */
export async function operatorTenant(db: Queries): Promise<TenantRow> {
  const find = async () => (await db.query<TenantRow>('SELECT * FROM tenant WHERE operator'))[0];
  const found = await find();
  if (found) return found;
  const made = await createTenant(db, { name: 'operator', leastTrust: 'untrusted', operator: true });
  // Another server was a moment faster.
  return made ?? (await find())!;
}

/**
 * A token for whoever runs the server, where there is none that opens anything: at the first start, after one that
 * failed, and when all have ended.
 * @param another one in any case: it was lost.
 */
export function adminTokenIfNone(
  db: Database,
  tenant: string,
  { another }: { another: boolean },
): Promise<string | null> {
  return db.transaction(async (tx) => {
    // Of two servers that start one makes it.
    await tx.query('SELECT 1 FROM tenant WHERE id = $1 FOR UPDATE', [tenant]);
    const [found] = await tx.query(
      `SELECT 1 FROM token WHERE tenant = $1 AND scope = 'admin' AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > now()) LIMIT 1`,
      [tenant],
    );
    if (found && !another) return null;
    const name = found ? 'another' : 'first';
    return (await createToken(tx, tenant, { name, scope: 'admin', labels: [], trust: 'untrusted' })).secret;
  });
}

/** @returns the row, and the token itself, which is kept nowhere. */
export async function createToken(
  db: Queries,
  tenant: string,
  { name, scope, expiresIn, labels, region, trust }: NewTokenRow,
): Promise<{ row: TokenRow; secret: string }> {
  const secret = newSecret(scope);
  const [row] = await db.query<TokenRow>(
    `INSERT INTO token (id, tenant, name, scope, hash, labels, region, trust, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 second') RETURNING ${TOKEN}`,
    [newId('to'), tenant, name, scope, hashOf(secret), labels, region ?? null, trust, expiresIn ?? null],
  );
  return { row: row!, secret };
}

export async function findToken(
  db: Queries,
  secret: string,
): Promise<(TokenRow & { expired: boolean; operator: boolean }) | null> {
  const [row] = await db.query<TokenRow & { expired: boolean; operator: boolean }>(
    `SELECT ${TOKEN.split(', ')
      .map((column) => `token.${column}`)
      .join(', ')}, tenant.operator, coalesce(expires_at < now(), false) AS expired
     FROM token JOIN tenant ON tenant.id = token.tenant WHERE hash = $1`,
    [hashOf(secret)],
  );
  return row ?? null;
}

/** Whether a token that was good when it was shown still is: feeds go on for days. */
export async function isGood(db: Queries, id: string): Promise<boolean> {
  const rows = await db.query(
    'SELECT 1 FROM token WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())',
    [id],
  );
  return rows.length > 0;
}

/** When each was used last, told now and then. */
export async function touchTokens(db: Queries, ids: readonly string[]): Promise<void> {
  await db.query('UPDATE token SET last_used_at = now() WHERE id = ANY($1)', [ids]);
}

export const listTokens = (db: Queries, tenant: string): Promise<TokenRow[]> =>
  db.query(`SELECT ${TOKEN} FROM token WHERE tenant = $1 ORDER BY created_at, id`, [tenant]);

/** Forgets tokens that have opened nothing for so long, where nothing was made with them. @returns how many. */
export async function deleteOldTokens(db: Queries, seconds: number): Promise<number> {
  const gone = await db.query(
    `DELETE FROM token WHERE least(revoked_at, expires_at) < now() - $1 * interval '1 second'
       AND NOT EXISTS (SELECT 1 FROM node WHERE enrolled_by = token.id)
       AND NOT EXISTS (SELECT 1 FROM job WHERE submitter = token.id)
       AND NOT EXISTS (SELECT 1 FROM upload WHERE created_by = token.id)
       AND NOT EXISTS (SELECT 1 FROM token session WHERE session.parent = token.id)
     RETURNING id`,
    [seconds],
  );
  return gone.length;
}

/** With all sessions that were begun with it. @returns null when the tenant has no such token; once revoked it stays so. */
export async function revokeToken(db: Queries, tenant: string, id: string): Promise<TokenRow | null> {
  const rows = await db.query<TokenRow>(
    `UPDATE token SET revoked_at = coalesce(revoked_at, now()) WHERE (id = $1 OR parent = $1) AND tenant = $2
     RETURNING ${TOKEN}`,
    [id, tenant],
  );
  return rows.find((row) => row.id === id) ?? null;
}
