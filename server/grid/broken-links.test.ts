import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetail, JobView } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { Swallower } from '../testing-links.ts';
import { patternJob, SimulatedNode } from '../testing-node.ts';

describe('a grid whose links break', () => {
  let server: TestServer;
  let enrol: string;
  let nodes: SimulatedNode[];
  let closing: (() => Promise<void>)[];

  beforeEach(async () => {
    nodes = [];
    closing = [];
  });
  afterEach(async () => {
    for (const node of nodes) await node.leave();
    for (const close of closing) await close();
    await server.stop();
  });

  const start = async (...options: Parameters<typeof startTestServer>) => {
    server = await startTestServer(...options);
    enrol = await server.token('enrol');
  };
  const join = async (url = server.url) => {
    const node = await SimulatedNode.enrol(server, enrol, {}, `node-${nodes.length}`);
    node.url = url;
    nodes.push(node);
    await node.connect();
    return node;
  };
  const submit = async (spec: object = patternJob()) =>
    (await server.ask<JobView>('POST', '/v1/jobs', { body: { spec } })).body.id;
  const ended = async (id: string) => {
    const answer = await fetch(new URL(`/v1/jobs/${id}/events`, server.url), {
      headers: { authorization: `Bearer ${server.admin}`, accept: 'application/x-ndjson' },
    });
    await answer.text();
    return (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body;
  };

  it('finds out that a connection is open at one end only, and gives its task to another node', async () => {
    await start();
    const between = new Swallower(server.url);
    const url = await between.start();
    closing.push(() => between.stop());
    const id = await submit();
    const lost = await join(url);
    const offer = await lost.next('offer');
    await lost.hold(offer);
    between.swallowing = true;
    const good = await join();
    // Not before the first one's lease has ended, without a word of its end.
    const again = await good.next('offer');
    good.accept(again);
    good.finish(again);
    const { state, taskList } = await ended(id);
    expect(state).toBe('done');
    expect(taskList[0]!.attempts.map((attempt) => attempt.state)).toEqual(['expired', 'done']);
    // Nothing of the dead connection is left at the server.
    const { body } = await server.ask<{ nodes: { id: string; connected: boolean }[] }>('GET', '/v1/nodes');
    expect(body.nodes.map(({ id: node, connected }) => [node, connected])).toEqual([
      [lost.id, false],
      [good.id, true],
    ]);
  });

  it('keeps what was accepted, whatever a stale attempt sends and however it says it', async () => {
    await start();
    const id = await submit();
    const late = await join();
    const offer = await late.next('offer');
    late.accept(offer);
    const mine = Buffer.from('{"of":"the stale one"}\n');
    // It got its addresses while they were its own.
    const targets = await late.targets(offer, 'events-0', 'events.ndjson', mine);
    late.vanish();
    const second = await join();
    const again = await second.next('offer');
    second.accept(again);
    const right = Buffer.from('{"of":"the accepted one"}\n');
    const file = await second.upload(again, 'events-0', 'events.ndjson', right);
    const [used] = await second.targets(again, 'events-0', 'events.ndjson', right);
    second.finish(again, [file]);
    const { files } = await ended(id);
    const put = async (url: string, body: Buffer) =>
      (await fetch(new URL(url, server.url), { method: 'PUT', body: new Uint8Array(body) })).status;
    // Its own addresses, long after; those of the accepted one, with other bytes and with the same; and a new request.
    expect(await put(targets[0]!, mine)).toBe(409);
    expect(await put(used!, Buffer.from('{"of":"somebody else"}\n\n\n'))).toBe(409);
    expect(await put(used!, right)).toBe(409);
    await expect(late.upload(offer, 'events-0', 'events.ndjson', mine)).rejects.toThrow(/409.*stale/);
    const answer = await fetch(new URL(files[0]!.path, server.url), {
      headers: { authorization: `Bearer ${server.admin}` },
    });
    expect(await answer.text()).toBe(right.toString());
  });

  it('reads no address that is private, also not where an allowed one sends it there', async () => {
    const elsewhere = await origin((_, response) => response.end('secret'));
    const to: Record<string, string> = {
      '/server': '',
      '/metadata': 'http://169.254.169.254/latest/meta-data/',
      '/name': `http://localhost:${new URL(elsewhere).port}/`,
      '/loopback': `${elsewhere}/`,
      '/file': 'file:///etc/passwd',
    };
    const redirecting = await origin(({ url }, response) => {
      response.writeHead(302, { location: to[url!]! }).end();
    });
    await start({ allowAddresses: [new URL(redirecting).host] });
    to['/server'] = `${server.url}/healthz`;
    const node = await join();
    const urls = [
      ...Object.keys(to).map((path) => `${redirecting}${path}`),
      ...['http://169.254.169.254/', `${server.url}/healthz`, `http://localhost:${new URL(elsewhere).port}/`],
      ...[
        `http://127.1:${new URL(elsewhere).port}/`,
        `http://[::ffff:127.0.0.1]:${new URL(elsewhere).port}/`,
      ],
    ];
    for (const url of urls) {
      const { status } = await server.ask('POST', '/v1/jobs', {
        body: {
          spec: {
            ...{ v: 1, sources: [{ id: 'in', kind: 'http', url }] },
            outputs: [{ id: 'out', kind: 'events', from: 'in' }],
            segment: null,
          },
        },
      });
      if (status !== 201) {
        expect(status, url).toBe(422);
        continue;
      }
      const offer = await node.next('offer');
      node.accept(offer);
      const answer = await fetch(new URL(offer.work.sources.in!, server.url));
      const text = await answer.text();
      expect([answer.status, text.includes('secret')], `${url}: ${text}`).toEqual([422, false]);
      expect(JSON.parse(text)).toMatchObject({ code: 'address-refused' });
      node.finish(offer);
      await node.next('ack');
    }
  });

  async function origin(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<string> {
    const http = createHttp(answer).listen(0, '127.0.0.1');
    await once(http, 'listening');
    closing.push(async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    });
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }
});
