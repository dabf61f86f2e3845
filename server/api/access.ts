import { EdgeRunnerError, SCOPES, type Scope } from '../../protocol/index.ts';
import type { Database } from '../store/database.ts';
import { findNodeByCredential } from '../store/nodes.ts';
import { findToken, touchTokens } from '../store/tenants.ts';
import type { Access, Caller } from './route.ts';

/** What a scope opens besides itself. */
const OPENS: Record<Scope, readonly Scope[]> = {
  admin: SCOPES,
  submit: ['submit', 'read'],
  read: ['read'],
  enrol: ['enrol'],
  publish: ['publish', 'view'],
  view: ['view'],
};

/** Whether a token of that scope may what wants this one. */
export const opens = (scope: Scope, wanted: Scope): boolean => OPENS[scope].includes(wanted);

/** Milliseconds between two writings of when a token was used last. */
const TOUCH_INTERVAL = 60_000;

/** Looks at who calls. The database is asked each time: a token that is revoked opens nothing from then on. */
export class Doorkeeper {
  readonly #db: Database;
  readonly #touched = new Map<string, number>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** @throws {EdgeRunnerError} `token-missing`, `token-unknown`, `token-revoked`, `token-expired`, `scope-missing` */
  async admit(access: Access, bearer: string): Promise<Caller | null> {
    if (access === 'public' || access === 'login' || access === 'signed') return null;
    if (bearer === '')
      throw new EdgeRunnerError(
        'token-missing',
        'This wants a token.',
        'Give a token of this server; "edge-runner token create" makes one there.',
      );
    // The handler looks at the lease: it is of one attempt only.
    if (access === 'lease') return null;
    if (access === 'node' && bearer.startsWith('er_node_')) {
      await this.#checkNode(bearer);
      return null;
    }
    const token = await findToken(this.#db, bearer);
    if (!token)
      throw new EdgeRunnerError('token-unknown', 'This server does not know this token.', ASK_FOR_ANOTHER);
    if (token.revoked_at)
      throw new EdgeRunnerError('token-revoked', `The token "${token.name}" was revoked.`, ASK_FOR_ANOTHER);
    if (token.expired)
      throw new EdgeRunnerError('token-expired', `The token "${token.name}" has expired.`, ASK_FOR_ANOTHER);
    const wanted: Scope = access === 'node' ? 'read' : access;
    if (!opens(token.scope, wanted))
      throw new EdgeRunnerError(
        'scope-missing',
        `The token "${token.name}" is for "${token.scope}", and this wants "${wanted}".`,
        'Ask whoever runs the server for a token of that scope.',
      );
    this.#touch(token.id);
    return token;
  }

  async #checkNode(credential: string): Promise<void> {
    const node = await findNodeByCredential(this.#db, credential);
    if (!node || node.revoked_at)
      throw new EdgeRunnerError(
        node ? 'node-revoked' : 'token-unknown',
        node ? `The node ${node.name} was revoked.` : 'This server does not know this node.',
        'Join again with an enrolment token.',
      );
  }

  #touch(id: string): void {
    const now = Date.now();
    if (now - (this.#touched.get(id) ?? 0) < TOUCH_INTERVAL) return;
    this.#touched.set(id, now);
    // Nobody waits for it, and nothing hangs on it.
    touchTokens(this.#db, [id]).catch(() => {});
  }
}

const ASK_FOR_ANOTHER = 'Ask whoever runs the server for another one.';
