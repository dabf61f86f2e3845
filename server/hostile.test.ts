import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobView, Problem } from '../protocol/index.ts';
import { startTestServer, type TestServer } from './testing.ts';
import { patternJob, SimulatedNode } from './testing-node.ts';

/** A server among people who mean it no good. */
let server: TestServer;
let enrol: string;

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

/** The same numbers each time: a failure can be looked at again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Any value, some of it near what is asked for. */
function anything(next: () => number, depth = 0): unknown {
  const words = [
    'v',
    'type',
    'sources',
    'kind',
    'pattern',
    '__proto__',
    'constructor',
    '\u0000',
    '../x',
    'a'.repeat(300),
  ];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const kinds = ['number', 'text', 'odd', 'list', 'object'] as const;
  switch (depth > 3 ? pick(kinds.slice(0, 3)) : pick(kinds)) {
    case 'number':
      return pick([0, -1, 1, 1e308, 0.1, 2 ** 53, Math.floor(next() * 1e6)]);
    case 'text':
      return pick(words);
    case 'odd':
      return pick([null, true, false, '', {}, []]);
    case 'list':
      return Array.from({ length: Math.floor(next() * 4) }, () => anything(next, depth + 1));
    case 'object':
      return Object.fromEntries(
        Array.from({ length: Math.floor(next() * 4) }, () => [pick(words), anything(next, depth + 1)]),
      );
  }
}

/** A value with one thing in it made something else. */
function bent(value: unknown, next: () => number): unknown {
  if (next() < 0.2 || typeof value !== 'object' || value === null) return anything(next);
  if (Array.isArray(value)) {
    const at = Math.floor(next() * value.length);
    return value.map((one: unknown, i) => (i === at ? bent(one, next) : one));
  }
  const entries = Object.entries(value);
  const at = Math.floor(next() * (entries.length + 1));
  if (at === entries.length) return { ...value, [`${anything(next)}`]: anything(next) };
  return Object.fromEntries(entries.map(([key, one], i) => [key, i === at ? bent(one, next) : one]));
}

it('5,000 malformed requests are refused, none of them with a fault or a word of the inside', async () => {
  const next = random(1);
  const paths = [
    '/v1/jobs',
    '/v1/tokens',
    '/v1/tenants',
    '/v1/nodes',
    '/v1/attempts/a_00000000000000000000/parts',
  ];
  const good: unknown[] = [
    { spec: patternJob() },
    { name: 'x', scope: 'read' },
    { name: 'x' },
    { name: 'x', host: 'tab' },
    { output: 'o', name: 'n', parts: [{ index: 0, bytes: 1, sha256: '0'.repeat(64) }] },
  ];
  const token = await server.token('admin');
  for (let i = 0; i < 5_000; i += 50) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, j) => {
        const which = (i + j) % paths.length;
        const body = bent(good[which], next);
        const text = next() < 0.05 ? '{"half": ' : JSON.stringify(body);
        const answer = await server.ask<Problem>('POST', paths[which]!, { token, body: text });
        expect(answer.status, text).toBeLessThan(500);
        expect(JSON.stringify(answer.body), text).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
      }),
    );
  }
  expect((await server.ask('GET', '/readyz')).status).toBe(200);
});

it('5,000 malformed messages of nodes are refused, and the server goes on', async () => {
  const next = random(2);
  const good = [
    { type: 'renew', leases: [{ attempt: 'a_00000000000000000000', lease: 'x'.repeat(32) }] },
    { type: 'accept', attempt: 'a_00000000000000000000', lease: 'x'.repeat(32) },
    { type: 'result', attempt: 'a_00000000000000000000', lease: 'x'.repeat(32), files: [], outcome: {} },
    {
      type: 'progress',
      attempt: 'a_00000000000000000000',
      lease: 'x'.repeat(32),
      seq: 1,
      frames: 1,
      of: 1,
      fps: 1,
    },
  ];
  for (let connection = 0; connection < 50; connection++) {
    const node = await SimulatedNode.enrol(server, enrol);
    await node.connect({ renew: false });
    for (let i = 0; i < 100; i++) {
      const message = bent(good[i % good.length], next);
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

it('a second server on the same folder refuses to start, naming the first', async () => {
  await expect(startTestServer({}, server)).rejects.toMatchObject({
    code: 'data-locked',
    message: expect.stringContaining(`process ${process.pid}`),
  });
});

it('whoever guesses is soon not listened to', async () => {
  const strict = await startTestServer({ limits: { requests: 1000, refusals: 5 } });
  try {
    const guess = () => strict.ask<Problem>('GET', '/v1/jobs', { token: 'er_admin_guess' });
    for (let n = 0; n < 5; n++) expect((await guess()).status).toBe(401);
    expect(await guess()).toMatchObject({ status: 429, body: { code: 'rate-limited' } });
  } finally {
    await strict.stop();
  }
});

it('behind a proxy whoever guesses is not listened to, and others are', async () => {
  const strict = await startTestServer({ limits: { requests: 1e6, refusals: 3 }, proxies: ['loopback'] });
  try {
    const from = async (address: string, token: string) => {
      const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': address };
      return (await fetch(new URL('/v1/jobs', strict.url), { headers })).status;
    };
    for (let i = 0; i < 3; i++) expect(await from('192.0.2.1', 'er_admin_guess')).toBe(401);
    expect(await from('192.0.2.1', 'er_admin_guess')).toBe(429);
    expect(await from('192.0.2.2', strict.admin)).toBe(200);
  } finally {
    await strict.stop();
  }
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
