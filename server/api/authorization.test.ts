import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobView, type Problem, SCOPES, type Scope } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { patternJob, SimulatedNode } from '../testing-node.ts';
import { OFFER, SimulatedTab } from '../testing-tab.ts';
import type { Access } from './route.ts';

interface Operation {
  'x-access': Access;
  requestBody?: { content: Record<string, unknown> };
  operationId: string;
}

/** Which tokens open which routes, by the document that the server gives out: a new route cannot be forgotten. */
describe('a route', () => {
  let server: TestServer;
  let operations: { method: string; path: string; operation: Operation }[];
  /** By scope; of a tenant that has nothing, by scope; a node's credential. */
  let own: Record<Scope, string>;
  let foreign: Record<Scope, string>;
  let credential: string;
  /** What the operator has, and nobody else may see. */
  let ids: Record<string, string>;

  beforeAll(async () => {
    server = await startTestServer();
    const { body } = await server.ask<{ paths: Record<string, Record<string, Operation>> }>(
      'GET',
      '/openapi.json',
    );
    operations = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
    );
    const tokens = async (admin: string) =>
      Object.fromEntries(
        await Promise.all(
          SCOPES.map(async (scope) => {
            const made = await server.ask<{ token: string; id: string }>('POST', '/v1/tokens', {
              token: admin,
              body: { name: scope, scope },
            });
            return [scope, made.body.token];
          }),
        ),
      ) as Record<Scope, string>;
    own = await tokens(server.admin);
    const tenant = await server.ask<{ admin: { token: string } }>('POST', '/v1/tenants', {
      body: { name: 'other' },
    });
    foreign = await tokens(tenant.body.admin.token);
    const node = await SimulatedNode.enrol(server, own.enrol);
    credential = node.credential;
    const job = (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } })).body.id;
    const upload = await fetch(new URL('/v1/uploads', server.url), {
      method: 'POST',
      headers: {
        ...{ authorization: `Bearer ${server.admin}`, 'tus-resumable': '1.0.0', 'upload-length': '10' },
        'upload-metadata': `filename ${Buffer.from('a.mp4').toString('base64')}`,
      },
    });
    const tab = await SimulatedTab.publish(server.url, { token: own.publish });
    const { body: list } = await server.ask<{ tokens: { id: string }[] }>('GET', '/v1/tokens');
    ids = {
      job,
      node: node.id,
      token: list.tokens.at(-1)!.id,
      upload: upload.headers.get('location')!.split('/').at(-1)!,
      model: 'street-yolo',
      ...{ task: '0', output: 'events-0', name: 'events.ndjson', attempt: 'a_00000000000000000000' },
      ...{ signed: 'forged.forged', index: '0' },
      ...{ stream: tab.published.stream, viewer: 'v_00000000000000000000' },
    };
  });
  afterAll(() => server.stop());

  const call = (method: string, path: string, token: string | null) => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name]!);
    const { requestBody } = operations.find((one) => one.method === method && one.path === path)!.operation;
    const [type] = Object.keys(requestBody?.content ?? {});
    const body = type === 'application/sdp' ? OFFER : path.endsWith('/banner') ? { layers: [] } : {};
    return server.ask<Problem>(method.toUpperCase(), filled, { token, ...(type && { body, type }) });
  };
  const OPENS: Record<Scope, readonly Operation['x-access'][]> = {
    admin: ['admin', 'submit', 'read', 'enrol', 'node', 'publish', 'view'],
    submit: ['submit', 'read', 'node'],
    read: ['read', 'node'],
    enrol: ['enrol'],
    publish: ['publish', 'view'],
    view: ['view'],
  };

  it('without a token opens only what is for anybody', async () => {
    expect(operations.length).toBeGreaterThan(30);
    for (const { method, path, operation } of operations) {
      const { status, body } = await call(method, path, null);
      const { 'x-access': access, operationId } = operation;
      if (access === 'public') expect(status, operationId).toBe(200);
      else if (access === 'login') expect(body.code, operationId).toBe('request-invalid');
      else if (access === 'signed') expect(status, operationId).toBe(403);
      else {
        expect(status, operationId).toBe(401);
        if (method !== 'head') expect(body.code, operationId).toBe('token-missing');
      }
    }
  });

  it.each(SCOPES)('is opened to a token of scope %s if it is for that, and to no other', async (scope) => {
    for (const { method, path, operation } of operations) {
      const { 'x-access': access, operationId } = operation;
      if (['public', 'login', 'signed', 'lease'].includes(access)) continue;
      const opens = OPENS[scope].includes(access);
      // What would take away what the others look at, and what goes on and on: only whether it is closed.
      if (opens && (method === 'delete' || /\{job\}\/events$|^\/v1\/farm$/.test(path))) continue;
      const { status, body } = await call(method, path, own[scope]);
      const what = `${operationId} as ${scope}: ${JSON.stringify(body)}`;
      if (opens) expect([401, 403, 500], what).not.toContain(status);
      else expect(status, what).toBe(403);
    }
  });

  it.each(SCOPES)('shows and changes nothing of another tenant, to its token of scope %s', async (scope) => {
    for (const { method, path, operation } of operations) {
      const { 'x-access': access, operationId } = operation;
      if (access === 'public' || !/\{(job|node|token|upload|stream)\}/.test(path)) continue;
      const { status, body } = await call(method, path, foreign[scope]);
      expect(status, `${operationId}: ${JSON.stringify(body)}`).toBe(
        OPENS[scope].includes(access) ? 404 : 403,
      );
    }
  });

  it('lists nothing of another tenant', async () => {
    for (const path of ['/v1/jobs', '/v1/nodes', '/v1/audit', '/v1/tokens', '/v1/streams']) {
      const { body } = await server.ask('GET', path, { token: foreign.admin });
      expect(JSON.stringify(body)).not.toMatch(
        new RegExp(`${ids.job}|${ids.node}|${ids.token}|${ids.stream}`),
      );
    }
    for (const path of ['/v1/tenants', '/metrics'])
      expect((await server.ask('GET', path, { token: foreign.admin })).status).toBe(403);
  });

  it('is closed to a token that was revoked, has expired, or never was', async () => {
    const made = await server.ask<{ id: string; token: string }>('POST', '/v1/tokens', {
      body: { name: 'short', scope: 'read' },
    });
    const { id, token } = made.body;
    expect((await server.ask('GET', '/v1/jobs', { token })).status).toBe(200);
    await server.ask('DELETE', `/v1/tokens/${id}`);
    expect(await server.ask('GET', '/v1/jobs', { token })).toMatchObject({
      status: 401,
      body: { code: 'token-revoked' },
    });
    expect(await server.ask('GET', '/v1/jobs', { token: `${token}x` })).toMatchObject({
      status: 401,
      body: { code: 'token-unknown' },
    });
    const short = await server.ask<{ token: string }>('POST', '/v1/tokens', {
      body: { name: 'short', scope: 'read', expiresIn: 1 },
    });
    await expect
      .poll(() => server.ask('GET', '/v1/jobs', { token: short.body.token }), { timeout: 10_000 })
      .toMatchObject({ status: 401, body: { code: 'token-expired' } });
  });

  it("is opened by a node's credential only where nodes have to do", async () => {
    for (const { method, path, operation } of operations) {
      const { 'x-access': access, operationId } = operation;
      if (['public', 'login', 'signed', 'lease'].includes(access)) continue;
      const { status } = await call(method, path, credential);
      if (access === 'node') expect(status, operationId).toBe(200);
      else expect(status, operationId).toBe(401);
    }
  });

  it('with a forged, tampered or expired address is refused', async () => {
    for (const { method, path, operation } of operations) {
      if (operation['x-access'] !== 'signed') continue;
      for (const signed of ['forged.forged', 'x', 'eyJhIjoxfQ.', '%00', 'a'.repeat(2000)]) {
        const filled = path.replace('{signed}', signed).replace('{index}', '0');
        const { status } = await server.ask(method.toUpperCase(), filled, { token: null });
        expect([403, 404], `${operation.operationId} ${signed}`).toContain(status);
      }
    }
  });
});
