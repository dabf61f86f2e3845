import type { Scope } from '../../protocol/index.ts';
import type { Database, Queries } from './database.ts';
import { hashOf, newSecret } from './ids.ts';
import { createToken, type TokenRow } from './tenants.ts';

/** Seconds that a link which logs a browser in is good for. */
const LINK_SECONDS = 3600;
/** Seconds that a browser stays logged in. */
const SESSION_SECONDS = 30 * 86_400;

/** @returns a code that logs one browser in, once; it is kept nowhere. */
export async function createLogin(db: Queries, tenant: string, scope: Scope): Promise<string> {
  const code = newSecret('login');
  await db.query('DELETE FROM login WHERE expires_at < now()');
  await db.query(
    `INSERT INTO login (hash, tenant, scope, expires_at) VALUES ($1, $2, $3, now() + ${LINK_SECONDS} * interval '1 second')`,
    [hashOf(code), tenant, scope],
  );
  return code;
}

/** A session of a browser for a code, which is of no more use. @returns null where it was used, is too old, or never was. */
export function useLogin(
  db: Database,
  code: string,
  name: string,
): Promise<{ row: TokenRow; secret: string } | null> {
  return db.transaction(async (tx) => {
    const [login] = await tx.query<{ tenant: string; scope: Scope; good: boolean }>(
      'DELETE FROM login WHERE hash = $1 RETURNING tenant, scope, expires_at > now() AS good',
      [hashOf(code)],
    );
    return login?.good ? createSession(tx, login.tenant, login.scope, name) : null;
  });
}

const createSession = (db: Queries, tenant: string, scope: Scope, name: string) =>
  createToken(db, tenant, { name, scope, expiresIn: SESSION_SECONDS, labels: [], trust: 'untrusted' });

/** What a browser shows in place of a token that somebody pasted: it can be ended alone, and lasts no longer than that. */
export const sessionOfToken = (
  db: Database,
  token: TokenRow,
  name: string,
): Promise<{ row: TokenRow; secret: string }> =>
  db.transaction(async (tx) => {
    const made = await createSession(tx, token.tenant, token.scope, name);
    await tx.query('UPDATE token SET parent = $2, expires_at = least(expires_at, $3) WHERE id = $1', [
      made.row.id,
      token.parent ?? token.id,
      token.expires_at,
    ]);
    return made;
  });

export { SESSION_SECONDS };
