import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail, JobView, NodeView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob } from '../server/testing-node.ts';
import { Command, edgeRunner, expectNothingLeft, expectRefusal } from './support/command.ts';

/** A real node on a machine whose card is not there: NVIDIA's tool is a script that tells what a file says. */
describe('a machine that joins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-sensors-'));
  let server: TestServer;
  let nodes: Command[] = [];
  const env = (more: Record<string, string> = {}) => ({
    XDG_CONFIG_HOME: join(folder, 'config'),
    EDGE_RUNNER_CACHE: join(folder, 'cache'),
    PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`,
    ...more,
  });
  const heat = (degrees: number) => {
    const line = `00000000:01:00.0, NVIDIA RTX 6000, 580.65.06, 49140, 12285, 40, ${degrees}\n`;
    writeFileSync(join(folder, 'card.next'), line);
    renameSync(join(folder, 'card.next'), join(folder, 'card'));
  };
  const start = async (name: string, args: string[], more: Record<string, string> = {}) => {
    const node = await Command.start(
      ['join', server.url, '--token-file', join(folder, 'token'), '--name', name, ...args],
      { env: env(more), hung: 300_000 },
    );
    nodes.push(node);
    return node;
  };
  const view = async (name: string) =>
    (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes.find(
      (node) => node.name === name,
    )!;
  const submit = async (labels: string[]) => {
    const spec = patternJob(1, { placement: { labels } });
    const source = { ...spec.sources[0]!, frames: 600, realtime: true };
    return (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: { ...spec, sources: [source] } } }))
      .body.id;
  };
  const attempts = async (id: string) =>
    (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body.taskList[0]!.attempts.map(
      ({ state }) => state,
    );

  beforeAll(async () => {
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/nvidia-smi'), `#!/bin/sh\ncat "${join(folder, 'card')}"\n`);
    chmodSync(join(folder, 'bin/nvidia-smi'), 0o755);
    heat(60);
    server = await startTestServer();
    writeFileSync(join(folder, 'token'), await server.token('enrol'));
  });
  afterAll(async () => {
    for (const node of nodes) {
      node.child.kill('SIGTERM');
      expectNothingLeft(await node.ended);
    }
    nodes = [];
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows its card, warns, gives its work back when it is too hot, and goes on when it has cooled', async () => {
    const node = await start('hot', ['--labels', 'hot', '--warn-at', '80', '--stop-at', '90']);
    await node.until(({ stderr }) => /connected as hot/.test(stderr));
    const { device } = await view('hot');
    expect(device!.gpus).toEqual([
      { name: 'NVIDIA RTX 6000', memory: 49_140 * 2 ** 20, driver: '580.65.06' },
    ]);
    expect(device!.cpu).toMatch(/\d+ cores$/);
    const id = await submit(['hot']);
    await node.until(({ stderr }) => /, 1 under way$/m.test(stderr));
    heat(84);
    await node.until(({ stderr }) => /warning: the GPU is at 84 °C \(stops at 90 °C\)/.test(stderr));
    expect(await attempts(id)).toEqual(['leased']);
    heat(93);
    await node.until(({ stderr }) => /pauses: the GPU is at 93 °C; goes on below 80 °C/.test(stderr));
    await node.until(({ stderr }) => /paused$/m.test(stderr));
    while ((await attempts(id)).includes('leased')) {}
    expect(await attempts(id)).toEqual(['returned']);
    expect((await view('hot')).pause).toMatchObject({ code: 'thermal' });
    // The tool fails from here on: nothing says that the card has cooled.
    rmSync(join(folder, 'card'));
    await node.until(({ stderr }) =>
      /warning: the GPU, last at 93 °C, tells no temperature any more$/m.test(stderr),
    );
    expect(node.stderr).not.toMatch(/goes on$/m);
    expect((await view('hot')).pause).toMatchObject({ code: 'thermal' });
    heat(70);
    await node.until(({ stderr }) => /goes on$/m.test(stderr));
    await node.until(({ stderr }) => /, 1 done$/m.test(stderr));
    expect(await attempts(id)).toEqual(['returned', 'done']);
    expect(await view('hot')).toMatchObject({ pause: null, failures: 0 });
  });

  it('takes nothing outside its hours, by its own clock', async () => {
    const now = new Date();
    const hour = (more: number) => `${(now.getUTCHours() + more) % 24}`.padStart(2, '0');
    const hours = `${hour(2)}:00-${hour(4)}:00`;
    const early = await start('early', ['--labels', 'early', '--schedule', hours], { TZ: 'UTC' });
    await early.until(({ stderr }) => stderr.includes(`pauses: works again at ${hour(2)}:00`));
    await early.until(({ stderr }) => /connected as early, paused/.test(stderr));
    expect((await view('early')).pause).toMatchObject({ code: 'schedule' });
    // The same hours on a machine whose day is three hours ahead.
    const late = await start('late', ['--labels', 'late', '--schedule', hours], { TZ: 'Etc/GMT-3' });
    await late.until(({ stderr }) => /connected as late$/m.test(stderr));
    expect((await view('late')).pause).toBeNull();
  });

  it.each([
    ['--schedule', 'at night'],
    ['--warn-at', 'warm'],
    ['--stop-at', '80'],
  ])('refuses %s %s', async (option, value) => {
    expectRefusal(await edgeRunner(['join', server.url, option, value], { env: env() }), 2, 'option-invalid');
  });
});
