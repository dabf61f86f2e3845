import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobEvent, JobPage, JobView, NodeDetail, Problem } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { patternJob, SimulatedNode } from '../testing-node.ts';

/** Jobs over HTTP, as a program that is none of ours would ask for them. */

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.stop());

const make = async (token?: string, more: object = {}): Promise<JobView> => {
  const request = { body: { spec: patternJob(), ...more }, ...(token && { token }) };
  const { status, body } = await server.ask<JobView>('POST', '/v1/jobs', request);
  expect([200, 201]).toContain(status);
  return body;
};
const list = async (query = '') => (await server.ask<JobPage>('GET', `/v1/jobs${query}`)).body;
const idsOf = ({ jobs }: JobPage) => jobs.map(({ id }) => id);

describe('jobs', () => {
  const made: JobView[] = [];
  let submitter: string;
  beforeAll(async () => {
    for (let i = 0; i < 4; i++) made.push(await make());
    const { body } = await server.ask<{ id: string; token: string }>('POST', '/v1/tokens', {
      body: { name: 'another', scope: 'submit' },
    });
    submitter = body.id;
    made.push(await make(body.token));
  });

  it('are listed newest first, page by page, none twice and none left out', async () => {
    const seen: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const page: JobPage = await list(`?limit=2${next === '' ? '' : `&after=${next}`}`);
      seen.push(...idsOf(page));
      next = page.next;
    }
    expect(seen).toEqual(made.map(({ id }) => id).reverse());
  });

  it('are listed by state, by who made them, and by when', async () => {
    await server.ask('POST', `/v1/jobs/${made[0]!.id}/cancel`);
    expect(idsOf(await list('?state=cancelled'))).toEqual([made[0]!.id]);
    expect(idsOf(await list('?state=queued'))).not.toContain(made[0]!.id);
    expect(idsOf(await list(`?submitter=${submitter}`))).toEqual([made[4]!.id]);
    const { createdAt } = made[2]!;
    const since = idsOf(await list(`?since=${createdAt}`));
    const until = idsOf(await list(`?until=${createdAt}`));
    expect(since).toEqual([made[4]!.id, made[3]!.id, made[2]!.id]);
    expect(until).toEqual([made[1]!.id, made[0]!.id]);
  });

  it.each([
    'state=gone',
    'limit=0',
    'limit=1e9',
    'after=-1',
    'after=1e300',
    'since=yesterday',
    'state=queued&state=done',
  ])('are not listed for "%s"', async (query) => {
    const { status, body } = await server.ask<Problem>('GET', `/v1/jobs?${query}`);
    expect(status).toBe(400);
    expect(body.code).toBe('request-invalid');
  });

  it('are made once for a key', async () => {
    const key = randomUUID();
    const first = await make(undefined, { key });
    expect((await make(undefined, { key })).id).toBe(first.id);
    expect((await make(undefined, { key: randomUUID() })).id).not.toBe(first.id);
  });

  it('are cancelled once, taken up again, and forgotten when they have ended', async () => {
    const { id } = await make();
    const ask = async (method: string, path: string) => server.ask<JobView>(method, `/v1/jobs/${id}${path}`);
    expect((await ask('DELETE', '')).status).toBe(409);
    expect((await ask('POST', '/retry')).status).toBe(409);
    expect((await ask('POST', '/cancel')).body.state).toBe('cancelled');
    expect((await ask('POST', '/cancel')).body.state).toBe('cancelled');
    expect((await ask('POST', '/retry')).body.state).toBe('queued');
    expect((await ask('POST', '/cancel')).body.state).toBe('cancelled');
    expect((await ask('DELETE', '')).status).toBe(204);
    expect((await ask('GET', '')).status).toBe(404);
    expect((await ask('DELETE', '')).status).toBe(404);
  });
});

describe('what happens to a job', () => {
  let job: string;
  const follow = async (headers: Record<string, string>, query = '') => {
    const answer = await fetch(new URL(`/v1/jobs/${job}/events${query}`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, ...headers },
    });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const linesOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JobEvent);

  beforeAll(async () => {
    // What the tests before have left in the queue must not come first.
    for (const { id } of (await list('?state=queued&limit=200')).jobs)
      await server.ask('POST', `/v1/jobs/${id}/cancel`);
    const node = await SimulatedNode.enrol(server, await server.token('enrol'));
    await node.connect();
    job = (await make()).id;
    const offer = await node.next('offer');
    await node.hold(offer);
    for (let i = 0; i < 60; i++)
      node.send({ type: 'log', attempt: offer.attempt, lease: offer.lease, message: `word ${i}` });
    const bytes = Buffer.from('{"type":"frame"}\n');
    node.finish(offer, [await node.upload(offer, 'events-0', 'events.ndjson', bytes)]);
    await node.next('ack');
    await node.leave();
  }, 60_000);

  it('is told as NDJSON, from its beginning to its end', async () => {
    const { type, text } = await follow({ accept: 'application/x-ndjson' });
    expect(type).toContain('application/x-ndjson');
    const events = linesOf(text);
    expect(events.at(0)!.type).toBe('job.queued');
    expect(events.at(-1)!.type).toBe('job.done');
    // What the engine says is told too, as far as anybody reads that much.
    const words = events.filter(({ type }) => type === 'attempt.log').map(({ data }) => data.message);
    expect(words).toEqual(Array.from({ length: 50 }, (_, i) => `word ${i}`));
    const ids = events.map(({ id }) => id!);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  it('is told as server-sent events, each with its id', async () => {
    const all = linesOf((await follow({ accept: 'application/x-ndjson' })).text);
    const { type, text } = await follow({ accept: 'text/event-stream' });
    expect(type).toContain('text/event-stream');
    const blocks = text.split('\n\n').filter((block) => block.startsWith('id: '));
    expect(blocks).toHaveLength(all.length);
    for (const [i, block] of blocks.entries()) {
      const [id, event, data] = block.split('\n');
      expect(id).toBe(`id: ${all[i]!.id}`);
      expect(event).toBe(`event: ${all[i]!.type}`);
      expect(JSON.parse(data!.slice('data: '.length))).toEqual(all[i]);
    }
  });

  it('is taken up again after the last event that is known', async () => {
    const all = linesOf((await follow({ accept: 'application/x-ndjson' })).text);
    const known = `${all[1]!.id}`;
    for (const [more, query] of [
      [{ 'last-event-id': known }, ''],
      [{}, `?after=${known}`],
      // The header is of the later connection.
      [{ 'last-event-id': known }, '?after=0'],
    ] as const)
      expect(linesOf((await follow({ accept: 'application/x-ndjson', ...more }, query)).text)).toEqual(
        all.slice(2),
      );
  });

  it.each(['nonsense', '1e300', '-1', '1.5', '99999999999999999999'])(
    'is not told after "%s"',
    async (known) => {
      expect((await follow({ 'last-event-id': known })).status).toBe(400);
      expect((await follow({}, `?after=${known}`)).status).toBe(400);
    },
  );

  it('began with a node that enrolled, which is written down', async () => {
    const { body } = await server.ask<{ entries: { action: string; data: object }[] }>('GET', '/v1/audit');
    expect(body.entries).toContainEqual(
      expect.objectContaining({ action: 'node.enrol', data: { name: 'simulated', host: 'headless' } }),
    );
  });

  it('has its results with the job and by themselves, whole and in parts', async () => {
    const { body: detail } = await server.ask<JobDetail>('GET', `/v1/jobs/${job}`);
    const { body } = await server.ask<{ files: JobDetail['files'] }>('GET', `/v1/jobs/${job}/results`);
    expect(detail.state).toBe('done');
    expect(body.files).toEqual(detail.files);
    const headers = { authorization: `Bearer ${server.admin}` };
    const address = new URL(body.files[0]!.path, server.url);
    expect(await (await fetch(address, { headers })).text()).toBe('{"type":"frame"}\n');
    const part = await fetch(address, { headers: { ...headers, range: 'bytes=2-5' } });
    expect(part.status).toBe(206);
    expect(await part.text()).toBe('type');
  });

  it('stands with the node that did it too, whose name need not be its own', async () => {
    const { body: detail } = await server.ask<JobDetail>('GET', `/v1/jobs/${job}`);
    const [attempt] = detail.taskList[0]!.attempts;
    expect(attempt).toMatchObject({ node: 'simulated', state: 'done' });
    const { body: node } = await server.ask<NodeDetail>('GET', `/v1/nodes/${attempt!.nodeId}`);
    expect(node).toMatchObject({ id: attempt!.nodeId, state: 'active', suspendedUntil: null });
    const { nodeId: _, node: __, ...rest } = attempt!;
    expect(node.lastAttempts).toEqual([{ ...rest, job, title: detail.title, task: 0 }]);
  });

  it('says when a node that is suspended for its failures is tried again', async () => {
    const node = await SimulatedNode.enrol(server, await server.token('enrol'), {
      onOffer: (offer, self) => {
        self.accept(offer);
        self.fail(offer);
      },
    });
    await node.connect();
    const show = async () => (await server.ask<NodeDetail>('GET', `/v1/nodes/${node.id}`)).body;
    const [first, second] = [await make(), await make()];
    await expect.poll(async () => (await show()).state).toBe('suspended');
    const { suspendedUntil, lastAttempts } = await show();
    expect(Date.parse(suspendedUntil!)).toBeGreaterThan(Date.now());
    expect(lastAttempts).toHaveLength(5);
    expect(new Set(lastAttempts.map(({ state, error }) => `${state}: ${error?.message}`))).toEqual(
      new Set(['failed: it broke']),
    );
    const times = lastAttempts.map(({ startedAt }) => startedAt);
    expect(times).toEqual(times.toSorted().reverse());
    await node.leave();
    for (const { id } of [first, second]) await server.ask('POST', `/v1/jobs/${id}/cancel`);
  });

  it('is counted for Prometheus, with what waits and who is there', async () => {
    await make();
    const { body: text } = await server.ask<string>('GET', '/metrics');
    expect(text).toMatch(/^edge_runner_attempts_total\{end="done"\} 1$/m);
    expect(text).toMatch(/^edge_runner_tasks\{state="queued"\} [1-9]\d*$/m);
    expect(text).toMatch(/^edge_runner_queue_age_seconds \d/m);
    expect(text).toMatch(/^edge_runner_disk_free_bytes [1-9]\d*$/m);
    const node = await SimulatedNode.enrol(server, await server.token('enrol'));
    await node.connect();
    expect((await server.ask<string>('GET', '/metrics')).body).toMatch(
      /^edge_runner_nodes\{state="active"\} 1$/m,
    );
    await node.leave();
  });
});
