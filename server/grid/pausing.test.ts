import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetail, JobProgress, JobView, NodeView } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { patternJob, SimulatedNode } from '../testing-node.ts';

const HOT = { code: 'thermal', message: 'the GPU is at 95 °C' };

describe('a node that pauses', () => {
  let server: TestServer;
  let enrol: string;
  let nodes: SimulatedNode[];

  beforeEach(async () => {
    server = await startTestServer();
    enrol = await server.token('enrol');
    nodes = [];
  });
  afterEach(async () => {
    for (const node of nodes) await node.leave();
    await server.stop();
  });

  const join = async () => {
    const node = await SimulatedNode.enrol(server, enrol, {}, `node-${nodes.length}`);
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async () =>
    (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } })).body.id;
  const show = async (id: string) => (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;
  const nodeView = async () => (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes;

  it('gives back what it has, which another does at once, and it is held against nobody', async () => {
    const hot = await join();
    const id = await submit();
    const offer = await hot.next('offer');
    await hot.hold(offer);
    const other = await join();
    hot.send({ type: 'pause', reason: HOT });
    hot.send({ type: 'return', attempt: offer.attempt, lease: offer.lease });
    const again = await other.next('offer');
    other.accept(again);
    other.finish(again);
    await other.next('ack');
    const { state, taskList } = await show(id);
    expect(state).toBe('done');
    expect(taskList[0]!.attempts.map((attempt) => attempt.state)).toEqual(['returned', 'done']);
    expect((await nodeView()).map(({ failures, pause }) => [failures, pause])).toEqual([
      [0, HOT],
      [0, null],
    ]);
  });

  it('is offered nothing until it resumes, and the job says why it waits', async () => {
    const node = await join();
    node.send({ type: 'pause', reason: HOT });
    while (!(await nodeView())[0]!.pause) {}
    const id = await submit();
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    let told = '';
    for await (const text of answer.body!.pipeThrough(new TextDecoderStream())) {
      told += text;
      if (told.includes('"waiting":"')) break;
    }
    const progress = told
      .split('\n')
      .filter((line) => line.includes('"progress"'))
      .map((line) => (JSON.parse(line) as { data: JobProgress }).data);
    expect(progress.at(-1)!.waiting).toBe('the node that could do it is paused');
    node.send({ type: 'resume' });
    const offer = await node.next('offer');
    node.accept(offer);
    node.finish(offer);
    await node.next('ack');
    expect((await show(id)).state).toBe('done');
  });

  it('is still paused when it has connected anew', async () => {
    const node = await join();
    node.vanish();
    await node.connect({}, { pause: HOT });
    await submit();
    expect((await nodeView())[0]!.pause).toEqual(HOT);
    node.send({ type: 'resume' });
    expect((await node.next('offer')).work.kind).toBe('process');
  });
});
