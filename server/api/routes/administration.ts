import { z } from 'zod';
import {
  auditPage,
  EdgeRunnerError,
  enrolledNode,
  mintedTenant,
  mintedToken,
  newNode,
  newTenant,
  newToken,
  nodeDetail,
  nodeList,
  nodeView,
  tenantList,
  tokenList,
  tokenView,
} from '../../../protocol/index.ts';
import type { Services } from '../../services.ts';
import { endAttempts } from '../../store/endings.ts';
import { attemptsOfNode } from '../../store/jobs.ts';
import { liveOfNode } from '../../store/leases.ts';
import { enrolNode, listNodes, type NodeRow, revokeNode, setNodeState } from '../../store/nodes.ts';
import { notify } from '../../store/notify.ts';
import { listActs } from '../../store/records.ts';
import {
  createTenant,
  createToken,
  listTenants,
  listTokens,
  revokeToken,
  type TenantRow,
} from '../../store/tenants.ts';
import { type Caller, type Route, route } from '../route.ts';
import { notFound } from '../router.ts';
import { showNode, showNodeAttempt, showToken } from '../views.ts';

const page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** `next` of the page before. */
  after: z.coerce.number().int().min(0).optional(),
});

/** Attempts that a node's page shows. */
const LAST_ATTEMPTS = 20;

/** Tenants, tokens, nodes, and who did what to them. */
export function administrationRoutes({ db }: Services): Route[] {
  return [...tokenRoutes(), ...tenantRoutes(), ...nodeRoutes(), auditRoute()];

  function tokenRoutes(): Route[] {
    return [
      route({
        ...{ method: 'post', path: '/v1/tokens', name: 'createToken', access: 'admin' },
        summary: 'Make a token. It is shown this once.',
        body: newToken,
        answer: { status: 201, schema: mintedToken },
        handle: async ({ caller, body, audit }) => {
          const { row, secret } = await createToken(db, caller.tenant, body);
          await audit('token.create', row.id, { name: row.name, scope: row.scope });
          return { ...showToken(row), token: secret };
        },
      }),
      route({
        ...{ method: 'get', path: '/v1/tokens', name: 'listTokens', access: 'admin' },
        summary: 'Tokens, without what would open anything.',
        answer: { status: 200, schema: tokenList },
        handle: async ({ caller }) => ({ tokens: (await listTokens(db, caller.tenant)).map(showToken) }),
      }),
      route({
        ...{ method: 'delete', path: '/v1/tokens/:token', name: 'revokeToken', access: 'admin' },
        summary: 'Revoke a token; nodes that enrolled with it stay, and are revoked one by one.',
        answer: { status: 200, schema: tokenView },
        handle: async ({ caller, params, audit }) => {
          const row = await revokeToken(db, caller.tenant, params.token!);
          if (!row) throw notFound(`token ${params.token}`);
          await audit('token.revoke', row.id, { name: row.name });
          return showToken(row);
        },
      }),
    ];
  }

  function tenantRoutes(): Route[] {
    return [
      route({
        ...{ method: 'post', path: '/v1/tenants', name: 'createTenant', access: 'admin' },
        summary: 'Make a tenant, with a token to administer it. Only who runs the server may.',
        body: newTenant,
        answer: { status: 201, schema: mintedTenant },
        handle: async ({ caller, body, audit }) => {
          onlyOperator(caller);
          const made = await db.transaction(async (tx) => {
            const tenant = await createTenant(tx, body);
            return (
              tenant && {
                tenant,
                token: await createToken(tx, tenant.id, {
                  ...{ name: 'first', scope: 'admin', labels: [], trust: 'untrusted' },
                }),
              }
            );
          });
          if (!made)
            throw new EdgeRunnerError(
              'conflict',
              `There is a tenant called "${body.name}".`,
              'Give it another name.',
            );
          await audit('tenant.create', made.tenant.id, { name: made.tenant.name });
          return {
            ...showTenant(made.tenant),
            admin: { ...showToken(made.token.row), token: made.token.secret },
          };
        },
      }),
      route({
        ...{ method: 'get', path: '/v1/tenants', name: 'listTenants', access: 'admin' },
        summary: 'Tenants. Only who runs the server may know.',
        answer: { status: 200, schema: tenantList },
        handle: async ({ caller }) => {
          onlyOperator(caller);
          return { tenants: (await listTenants(db)).map(showTenant) };
        },
      }),
    ];
  }

  function nodeRoutes(): Route[] {
    const changed = async (caller: Caller, row: NodeRow) => {
      await notify(db, { what: 'node', id: row.id }, { what: 'queue' });
      const [node] = await listNodes(db, caller.tenant, row.id);
      return showNode(node ?? { ...row, running: 0 });
    };
    const setState = (
      word: 'drain' | 'enable' | 'disable',
      state: 'draining' | 'active' | 'disabled',
      summary: string,
    ): Route =>
      route({
        ...{ method: 'post', path: `/v1/nodes/:node/${word}`, name: `${word}Node`, access: 'admin', summary },
        answer: { status: 200, schema: nodeView },
        handle: async ({ caller, params, audit }) => {
          const reason = state === 'active' ? null : `set to ${state} by "${caller.name}"`;
          const row = await db.transaction(async (tx) => {
            const set = await setNodeState(tx, caller.tenant, params.node!, state, reason);
            if (set && state === 'disabled') await giveBack(tx, set.id);
            return set;
          });
          if (!row) throw notFound(`node ${params.node}`);
          await audit(`node.${word}`, row.id, { name: row.name });
          return changed(caller, row);
        },
      });
    return [
      route({
        ...{ method: 'post', path: '/v1/nodes', name: 'enrolNode', access: 'enrol' },
        summary: 'Exchange an enrolment token for the credential of a node. It is shown this once.',
        body: newNode,
        answer: { status: 201, schema: enrolledNode },
        handle: async ({ caller, body, audit }) => {
          const { row, credential } = await enrolNode(db, caller, body);
          await audit('node.enrol', row.id, { name: row.name, host: row.host });
          return { node: row.id, name: row.name, credential };
        },
      }),
      route({
        ...{ method: 'get', path: '/v1/nodes', name: 'listNodes', access: 'read' },
        summary: 'Nodes of the tenant.',
        answer: { status: 200, schema: nodeList },
        handle: async ({ caller }) => ({ nodes: (await listNodes(db, caller.tenant)).map(showNode) }),
      }),
      route({
        ...{ method: 'get', path: '/v1/nodes/:node', name: 'showNode', access: 'read' },
        summary: 'A node, with all that it said of itself, and what it did last.',
        answer: { status: 200, schema: nodeDetail },
        handle: async ({ caller, params }) => {
          const [row] = await listNodes(db, caller.tenant, params.node!);
          if (!row) throw notFound(`node ${params.node}`);
          const attempts = await attemptsOfNode(db, caller.tenant, row.id, LAST_ATTEMPTS);
          return { ...showNode(row), lastAttempts: attempts.map(showNodeAttempt) };
        },
      }),
      setState('drain', 'draining', 'Give a node no more work; it finishes what it has.'),
      setState('enable', 'active', 'Give a node work again; its failures are forgotten.'),
      setState('disable', 'disabled', 'Take all work from a node at once, and give it no more.'),
      route({
        ...{ method: 'delete', path: '/v1/nodes/:node', name: 'revokeNode', access: 'admin' },
        summary: "Revoke a node's credential: its connection ends, its work goes to others at once.",
        answer: { status: 204 },
        handle: async ({ caller, params, audit }) => {
          const row = await db.transaction(async (tx) => {
            const revoked = await revokeNode(tx, caller.tenant, params.node!);
            if (revoked) await giveBack(tx, revoked.id);
            return revoked;
          });
          if (!row) throw notFound(`node ${params.node}`);
          await audit('node.revoke', row.id, { name: row.name });
          await notify(db, { what: 'node', id: row.id }, { what: 'queue' });
        },
      }),
    ];
  }

  function auditRoute(): Route {
    return route({
      ...{ method: 'get', path: '/v1/audit', name: 'listAudit', access: 'admin' },
      summary: 'Acts of administration, newest first.',
      query: page,
      answer: { status: 200, schema: auditPage },
      handle: async ({ caller, query: { limit, after = null } }) => {
        const acts = await listActs(db, caller.tenant, { before: after, limit });
        return {
          entries: acts.map(({ id, at, by_name: by, action, subject, data }) => ({
            ...{ id, by, action, subject, data },
            at: at.toISOString(),
          })),
          next: acts.length === limit ? acts.at(-1)!.id : null,
        };
      },
    });
  }
}

/** All that a node holds goes back to the queue, and is not held against anybody. */
async function giveBack(tx: Parameters<typeof endAttempts>[0], node: string): Promise<void> {
  const live = await liveOfNode(tx, node);
  await endAttempts(
    tx,
    live.map(({ id, lease }) => ({ attempt: id, lease, state: 'returned', error: null, retry: true })),
  );
}

function onlyOperator({ operator, name }: Caller): void {
  if (operator) return;
  throw new EdgeRunnerError(
    'scope-missing',
    `The token "${name}" is of a tenant, and this is for who runs the server.`,
    'Ask them.',
  );
}

const showTenant = ({ id, name, least_trust, created_at }: TenantRow) => ({
  ...{ id, name },
  leastTrust: least_trust,
  createdAt: created_at.toISOString(),
});
