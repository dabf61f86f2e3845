import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FarmNews, FarmNode, JobView } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { patternJob, SimulatedNode } from '../testing-node.ts';

/** What a dashboard hears, put together as a dashboard does. */
class Listener {
  readonly nodes = new Map<string, FarmNode>();
  readonly jobs = new Map<string, JobView>();
  news: FarmNews[] = [];
  #gone = new AbortController();
  #reading: ReadableStreamDefaultReader<string> | null = null;
  #rest = '';

  async start(url: string, token: string): Promise<void> {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: this.#gone.signal,
    });
    this.#reading = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Reads on until it is so. */
  async until(fulfilled: () => boolean): Promise<void> {
    while (this.news.length === 0 || !fulfilled()) {
      const { done, value } = await this.#reading!.read();
      if (done) throw new Error('the feed ended');
      this.#rest += value;
      const events = this.#rest.split('\n\n');
      this.#rest = events.pop()!;
      for (const event of events) if (event.startsWith('event: farm')) this.#take(event.split('data: ')[1]!);
    }
  }

  stop(): void {
    this.#gone.abort();
  }

  #take(data: string): void {
    const news = JSON.parse(data) as FarmNews;
    this.news.push(news);
    for (const node of news.nodes.changed) this.nodes.set(node.id, node);
    for (const id of news.nodes.gone) this.nodes.delete(id);
    for (const job of news.jobs.changed) this.jobs.set(job.id, job);
    for (const id of this.jobs.keys()) if (!news.jobs.order.includes(id)) this.jobs.delete(id);
  }
}

describe('the feed of a farm', () => {
  let server: TestServer;
  let node: SimulatedNode;
  const listener = new Listener();

  beforeAll(async () => {
    server = await startTestServer();
    node = await SimulatedNode.enrol(server, await server.token('enrol'), {}, 'mac mini');
    await listener.start(`${server.url}/v1/farm?limit=2`, server.admin);
  });
  afterAll(async () => {
    listener.stop();
    await node.leave();
    await server.stop();
  });
  const only = () => [...listener.nodes.values()][0]!;

  it('tells of a node that comes, how it fares, and what it does', async () => {
    await node.connect();
    await listener.until(() => only()?.connected);
    expect(only()).toMatchObject({ name: 'mac mini', cores: 2, adapter: null, running: 0, fps: 0 });
    const load = { cpu: 0.5, memory: 0.25, temperature: 61, gpus: [], battery: null };
    node.send({ type: 'renew', leases: [], load });
    await listener.until(() => only().load !== null);
    expect(only().load).toEqual(load);
  });

  it('tells of the jobs of its page as they go on, and only of what changed', async () => {
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } });
    const offer = await node.next('offer');
    await node.hold(offer);
    const { attempt, lease } = offer;
    node.send({ type: 'progress', attempt, lease, seq: 0, frames: 5, of: 10, fps: 25 });
    await listener.until(() => listener.jobs.get(body.id)?.frames === 5);
    expect(listener.jobs.get(body.id)).toMatchObject({
      title: 'pattern 640×360',
      state: 'running',
      of: 10,
      fps: 25,
    });
    await listener.until(() => only().fps === 25);
    node.finish(offer);
    await listener.until(() => listener.jobs.get(body.id)?.state === 'done' && only().running === 0);
    expect(listener.news.at(-1)!.counts).toMatchObject({ running: 0, done: 1 });
    // Two jobs later the first one is on another page.
    for (let i = 0; i < 2; i++) await server.ask('POST', '/v1/jobs', { body: { spec: patternJob(3) } });
    await listener.until(() => listener.jobs.size === 2 && !listener.jobs.has(body.id));
    expect([...listener.jobs.values()].map(({ title }) => title)).toEqual(
      Array(2).fill('pattern 640×360 and 2 more'),
    );
    expect(listener.news.at(-1)!.jobs.next).not.toBeNull();
    const told = listener.news.slice(1).flatMap((news) => news.nodes.changed.map(({ id }) => id));
    expect(new Set(told)).toEqual(new Set([node.id]));
  });

  it('has the numbers of the time before, for the charts', async () => {
    const late = new Listener();
    await late.start(`${server.url}/v1/farm`, server.admin);
    await late.until(() => late.news.some(({ samples }) => samples.some(({ nodes }) => nodes === 1)));
    late.stop();
    const [sample] = late.news[0]!.samples;
    expect(Math.abs(sample!.at - Date.now())).toBeLessThan(120_000);
  });

  it('tells of a node that goes for good, and shows another tenant nothing', async () => {
    const tenant = await server.ask<{ admin: { token: string } }>('POST', '/v1/tenants', {
      body: { name: 'other' },
    });
    const foreign = new Listener();
    await foreign.start(`${server.url}/v1/farm`, tenant.body.admin.token);
    await foreign.until(() => true);
    expect([foreign.nodes.size, foreign.jobs.size]).toEqual([0, 0]);
    foreign.stop();
    await server.ask('DELETE', `/v1/nodes/${node.id}`);
    await listener.until(() => listener.nodes.size === 0);
  });
});
