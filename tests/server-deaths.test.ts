import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ServerProcess, type ServerProcessOptions } from '../bench/grid/server-process.ts';
import type { JobDetail, JobView } from '../protocol/index.ts';
import { type Ask, askOf, patternJob, SimulatedNode } from '../server/testing-node.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();

/** `edge-runner server` as a process of its own, ended as no test in this process could end it. */
describe('a job server', () => {
  const running = new Set<ServerProcess>();
  const nodes: SimulatedNode[] = [];

  const start = async (options: ServerProcessOptions) => {
    const server = await ServerProcess.start(options);
    running.add(server);
    void server.ended.then(() => running.delete(server));
    return server;
  };
  const join1 = async (ask: Ask, url: string) => {
    const { body } = await ask<{ token: string }>('POST', '/v1/tokens', {
      body: { name: 'n', scope: 'enrol' },
    });
    const node = await SimulatedNode.enrol({ url, ask }, body.token);
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async (ask: Ask) => {
    const { status, body } = await ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob(3) } });
    expect(status).toBe(201);
    return body.id;
  };

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.leave();
    for (const server of running) await server.end('SIGKILL');
  });

  it('whose first start fails gives the admin token at the next one', async () => {
    const data = workspace.at('failed');
    const first = await start({ data: workspace.at('other') });
    const port = Number(new URL(first.url).port);
    await expect(start({ data, port })).rejects.toThrow('port-taken');
    await first.end('SIGTERM');
    const second = await start({ data, port });
    const { status } = await askOf(second.url, second.admin!)('GET', '/v1/tokens');
    expect(status).toBe(200);
    await second.end('SIGTERM');
    const third = await start({ data, port });
    expect(third.admin).toBeNull();
  });

  it('that is killed has every job it acknowledged when it is started anew, and redoes nothing that goes on', async () => {
    const data = workspace.at('killed');
    mkdirSync(data);
    const first = await start({ data });
    const ask = askOf(first.url, first.admin!);
    const node = await join1(ask, first.url);
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) ids.push(await submit(ask));
    const offer = await node.next('offer');
    await node.hold(offer);
    // In the midst of more of them: what was answered counts, what was not may or may not be there.
    const more = Array.from({ length: 20 }, () =>
      submit(ask).then(
        (id) => void ids.push(id),
        () => {},
      ),
    );
    await Promise.race(more);
    await first.end('SIGKILL');
    await Promise.all(more);
    await node.closed;

    const second = await start({ data });
    expect(second.admin).toBeNull();
    const again = askOf(second.url, first.admin!);
    for (const id of ids)
      expect((await again<JobView>('GET', `/v1/jobs/${id}`)).body.tasks.total, id).toBe(3);
    node.url = second.url;
    expect((await node.connect()).keep).toEqual([offer.attempt]);
    node.finish(offer);
    await node.next('ack');
    const { body } = await again<JobDetail>('GET', `/v1/jobs/${offer.work.job}`);
    const task = body.taskList.find(({ state }) => state === 'done')!;
    expect(task.attempts).toHaveLength(1);
  });

  it('says so when its disk is full, loses nothing, and goes on when there is room again', async ({
    skip,
  }) => {
    const data = workspace.at('small-disk');
    mkdirSync(data);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', data]).status === 0;
    skip(!mounted, 'this process may not make a small disk');
    try {
      const server = await start({ data });
      const ask = askOf(server.url, server.admin!);
      const node = await join1(ask, server.url);
      const before = await submit(ask);
      const offer = await node.next('offer');
      node.accept(offer);
      const { bavail, bsize } = statfsSync(data);
      const filler = join(data, 'filler');
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
      const bytes = Buffer.alloc(1 << 20, 'x');
      await expect(node.upload(offer, 'events-0', 'e', bytes)).rejects.toThrow(/507.*disk-full/);
      for (let i = 0; i < 10; i++) {
        const { status, body } = await ask('POST', '/v1/jobs', { body: { spec: patternJob(50) } });
        expect([status, body]).toMatchObject([507, { code: 'disk-full' }]);
      }
      // Whoever looks at the dashboard is told, with what to do about it.
      const feed = await fetch(new URL('/v1/farm', server.url), {
        headers: { authorization: `Bearer ${server.admin}` },
      });
      const reader = feed.body!.pipeThrough(new TextDecoderStream()).getReader();
      let told = '';
      while (!told.includes('\n\n')) told += (await reader.read()).value;
      expect(told).toMatch(/"problems":\[\{"code":"disk-full"/);
      await reader.cancel();
      // What is under way goes on meanwhile.
      node.renew();
      expect((await node.next('renewed')).lost).toEqual([]);
      rmSync(filler);
      const file = await vi.waitFor(() => node.upload(offer, 'events-0', 'e', bytes), 5_000);
      node.finish(offer, [file]);
      await node.next('ack');
      const after = await submit(ask);
      for (const id of [before, after])
        expect((await ask<JobView>('GET', `/v1/jobs/${id}`)).body.id).toBe(id);
      await server.end('SIGTERM');
    } finally {
      for (const server of running) await server.end('SIGKILL');
      execFileSync('umount', [data]);
    }
  });
});
