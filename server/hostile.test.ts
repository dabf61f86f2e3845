import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { fromNode, fromPublisher, type JobView, type Problem, SDP_TYPE } from '../protocol/index.ts';
import { startTestServer, type TestServer } from './testing.ts';
import { anything, bent, random, type Schema, sampleOf } from './testing-fuzz.ts';
import { patternJob, SimulatedNode } from './testing-node.ts';
import { postOffer, SimulatedTab } from './testing-tab.ts';

/** A server among people who mean it no good. */
let server: TestServer;
let enrol: string;
/** Of all tabs that publish here, so that each takes up what the one before left. */
const session = 'x'.repeat(32);

beforeAll(async () => {
  server = await startTestServer();
  enrol = await server.token('enrol');
});
afterAll(() => server.stop());

const urlJob = (url: string) => ({
  v: 1,
  sources: [{ id: 'in', kind: 'http', url }],
  outputs: [{ id: 'out', kind: 'events', from: 'in' }],
});

it.each([
  ['the server itself', () => `${server.url}/v1/jobs`],
  ['metadata of a cloud', () => 'http://169.254.169.254/latest/meta-data/'],
  ['a name that leads to this machine', () => 'http://localhost/clip.mp4'],
  ['this machine in other digits', () => 'http://0x7f000001/clip.mp4'],
  ['a private network', () => 'http://10.0.0.1/clip.mp4'],
])('a job whose source is %s is refused', async (_what, url) => {
  const { status, body } = await server.ask<Problem>('POST', '/v1/jobs', { body: { spec: urlJob(url()) } });
  expect({ status, code: body.code }).toEqual({ status: 422, code: 'address-refused' });
});

it('names that would lead out of a folder are refused', async () => {
  const outputs = [{ id: 'out', kind: 'video', from: 'in-0', name: '../../evil.mp4', container: 'mp4' }];
  const { status, body } = await server.ask<Problem>('POST', '/v1/jobs', {
    body: { spec: { ...patternJob(), outputs } },
  });
  expect(status).toBe(400);
  expect(body.detail).toContain('file name');
  for (const path of [
    '/v1/jobs/..%2f..%2fetc%2fpasswd',
    '/v1/models/..%2f..%2fx/bytes',
    '/assets/..%2f..%2fpackage.json',
  ])
    expect((await raw(path)).status).toBe(404);
});

/** `fetch` would tidy the path up. */
function raw(path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    request(
      { hostname, port, path, headers: { authorization: `Bearer ${server.admin}` } },
      async (answer) => {
        let body = '';
        for await (const chunk of answer) body += chunk;
        resolve({ status: answer.statusCode!, body });
      },
    )
      .once('error', reject)
      .end();
  });
}

interface Operation {
  'x-access': string;
  parameters?: { name: string; in: 'path' | 'query'; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

it('5,000 malformed requests of all routes are refused, none of them with a fault or a word of the inside', async () => {
  const next = random(1);
  const { body: document } = await server.ask<{ paths: Record<string, Record<string, Operation>> }>(
    'GET',
    '/openapi.json',
  );
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const token = await server.token('admin');
  const tried = new Map<string, number>();
  const one = async (i: number) => {
    const { path, method, operation } = all[i % all.length]!;
    const word = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : `${value}`);
    const query = new URLSearchParams();
    let filled = path;
    for (const { name, in: place, schema } of operation.parameters ?? []) {
      const value = word(next() < 0.5 ? bent(sampleOf(schema, next), next) : sampleOf(schema, next));
      if (place === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value) || 'x');
      else if (next() < 0.7) query.set(name, value);
    }
    const [type, { schema }] = Object.entries(operation.requestBody?.content ?? {})[0] ?? ['', {}];
    const sent = schema && bent(sampleOf(schema, next), next);
    const text = type === SDP_TYPE ? word(sent) : JSON.stringify(sent);
    const body = schema && (next() < 0.05 ? '{"half": ' : text);
    const told = `${method} ${filled}?${query} ${body ?? ''}`;
    const answer = await fetch(new URL(`${filled}?${query}`, server.url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'tus-resumable': '1.0.0',
        ...(next() < 0.2 && { 'last-event-id': word(anything(next)).replace(/[^ -~]/g, '?') }),
        ...(next() < 0.2 && { range: `bytes=${word(anything(next)).replace(/[^ -~]/g, '?')}` }),
        ...(body !== undefined && { 'content-type': next() < 0.05 ? 'text/plain' : type }),
      },
      ...(body !== undefined && { body }),
    });
    // 501 is what WHEP and WHIP say to what they do not do.
    expect(answer.status === 501 ? 400 : answer.status, told).toBeLessThan(500);
    tried.set(`${method} ${path}`, (tried.get(`${method} ${path}`) ?? 0) + 1);
    // A stream goes on until nobody listens.
    if (answer.headers.get('content-type')?.includes('event-stream')) return answer.body!.cancel();
    expect(await answer.text(), told).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
  };
  for (let i = 0; i < 5_000; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => one(i + j)));
  expect([...tried.values()].every((times) => times > 50)).toBe(true);
  expect((await server.ask('GET', '/readyz')).status).toBe(200);
});

it.each([
  ...[
    '/v1/jobs?submitter=%00',
    '/v1/jobs?since=0000-01-01T00:00:00Z',
    '/v1/jobs?until=0000-01-01T00:00:00%2B23:59',
  ],
  ...['/v1/jobs?after=99999999999999999999', '/v1/jobs/%00', '/v1/audit?after=1e400'],
])('%s is refused', async (path) => {
  const { status } = await server.ask('GET', path);
  expect([400, 404]).toContain(status);
});

it('5,000 malformed messages of nodes are refused, and the server goes on', async () => {
  const next = random(2);
  // Every message that there is, hello too.
  const schemas = (z.toJSONSchema(fromNode, { io: 'input', unrepresentable: 'any' }) as Schema).oneOf!;
  expect(schemas.length).toBeGreaterThan(12);
  for (let connection = 0; connection < 50; connection++) {
    const node = await SimulatedNode.enrol(server, enrol);
    await node.connect({ renew: false });
    for (let i = 0; i < 100; i++) {
      const message = bent(sampleOf(schemas[i % schemas.length]!, next), next);
      node.sendRaw(next() < 0.1 ? Buffer.from([i, 255, 0]) : (JSON.stringify(message) ?? ''));
    }
    node.send({ type: 'ping' });
    // Either it is still listened to, or it was shown the door for too much of it.
    await Promise.race([node.next('pong'), node.closed]);
    await node.leave();
  }
  const good1 = await SimulatedNode.enrol(server, enrol);
  await good1.connect();
  const { body } = await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } });
  const offer = await good1.next('offer');
  good1.accept(offer);
  good1.finish(offer);
  await good1.next('ack');
  expect((await server.ask<JobView>('GET', `/v1/jobs/${offer.work.job}`)).body.id).toBeTruthy();
  expect(body.id).toMatch(/^j_/);
  await good1.leave();
});

it('5,000 malformed messages of tabs that publish are refused, and the server goes on', async () => {
  const next = random(3);
  const json = z.toJSONSchema(fromPublisher, { io: 'input', unrepresentable: 'any' }) as Schema;
  const schemas = json.anyOf!.flatMap(({ oneOf }) => oneOf!);
  expect(schemas.length).toBeGreaterThan(5);
  const token = await server.token('publish');
  for (let connection = 0; connection < 50; connection++) {
    const tab = await SimulatedTab.publish(server.url, { token, name: `hostile-${connection % 5}`, session });
    for (let i = 0; i < 100; i++) {
      const message = bent(sampleOf(schemas[i % schemas.length]!, next), next);
      tab.sendRaw(next() < 0.1 ? Buffer.from([i, 255, 0]) : (JSON.stringify(message) ?? ''));
    }
    tab.send({ type: 'ping' });
    await Promise.race([tab.next('pong'), tab.closed]);
    await tab.vanish();
  }
  const tab = await SimulatedTab.publish(server.url, { token, name: 'good' });
  expect((await postOffer(server.url, tab.published.path, token)).status).toBe(201);
  await tab.vanish();
});
it.each([
  ['says nothing that it may', (tab: SimulatedTab) => tab.send({ type: 'ping' }), 4000],
  ['sends more than a message may have', (tab: SimulatedTab) => tab.sendRaw('x'.repeat(1 << 21)), 1009],
  [
    'is too old',
    (tab: SimulatedTab) =>
      tab.send({ type: 'publish', protocol: 0, build: '', token: 'x', name: 'old', session }),
    4003,
  ],
])('a tab that %s before it publishes is shown the door', async (_what, say, code) => {
  const tab = new SimulatedTab(server.url, { token: '' });
  await tab.open();
  say(tab);
  expect((await tab.closed).code).toBe(code);
});

it('a tab says nothing of a viewer that is not its own', async () => {
  const token = await server.token('publish');
  const mine = await SimulatedTab.publish(server.url, { token, name: 'mine', onOffer: () => {} });
  const theirs = await SimulatedTab.publish(server.url, { token, name: 'theirs' });
  const asked = postOffer(server.url, mine.published.path, token);
  const { viewer } = await mine.next('offer');
  theirs.answer(viewer);
  theirs.send({ type: 'signal', viewer, kind: 'refuse', message: 'go away' });
  theirs.send({ type: 'signal', viewer, kind: 'bye' });
  await theirs.settled();
  mine.answer(viewer);
  expect((await asked).status).toBe(201);
  await mine.vanish();
  await theirs.vanish();
});

it('a second server on the same folder refuses to start, naming the first', async () => {
  await expect(startTestServer({}, server)).rejects.toMatchObject({
    code: 'data-locked',
    message: expect.stringContaining(`process ${process.pid}`),
  });
});

it.each([
  ['too long', { 'upload-length': '99999999999999' }, 413, 'body-too-large'],
  ['of no length', { 'upload-length': '-5' }, 400, 'request-invalid'],
  ['of a length nobody says', {}, 400, 'request-invalid'],
  [
    'with metadata that is none',
    { 'upload-length': '5', 'upload-metadata': 'a b c,,' },
    400,
    'request-invalid',
  ],
])('an upload %s is refused as everything else is', async (_what, headers, status, code) => {
  const answer = await fetch(new URL('/v1/uploads', server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${server.admin}`, 'tus-resumable': '1.0.0', ...(headers as object) },
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  const told = (await answer.json()) as Problem;
  expect(told).toMatchObject({ status, code });
  expect(told.remedy).not.toBe('');
});
