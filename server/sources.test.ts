import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetail, JobView, Offer } from '../protocol/index.ts';
import { startTestServer, type TestServer } from './testing.ts';
import { SimulatedNode } from './testing-node.ts';

/** A real origin whose file a test changes in between. */
describe('an address that a job reads', () => {
  let server: TestServer;
  let node: SimulatedNode;
  let origin: Server;
  let file: { bytes: Buffer; etag: string | null };
  /** Answers to whoever wants a part of the file. */
  let answers: 'parts' | 'all' | 'less' | 'slowly';
  let asked: number;

  beforeEach(async () => {
    file = { bytes: Buffer.alloc(1_000, 1), etag: '"one"' };
    answers = 'parts';
    asked = 0;
    origin = createServer((request, response) => {
      asked++;
      response.on('close', () => response.writableFinished || origin.emit('dropped'));
      const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      if (file.etag) response.setHeader('etag', file.etag);
      if (from === undefined || answers !== 'parts') {
        response.setHeader('content-length', file.bytes.byteLength);
        if (answers === 'slowly') response.write(file.bytes.subarray(0, 100));
        else if (answers !== 'less') response.end(file.bytes);
        else response.write(file.bytes.subarray(0, 100), () => response.destroy());
        return;
      }
      if (Number(from) >= file.bytes.byteLength) {
        response.writeHead(416, { 'content-range': `bytes */${file.bytes.byteLength}` }).end();
        return;
      }
      const end = to ? Math.min(Number(to) + 1, file.bytes.byteLength) : file.bytes.byteLength;
      response.writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${file.bytes.byteLength}` });
      response.end(file.bytes.subarray(Number(from), end));
    });
    await new Promise<void>((listening) => origin.listen(0, '127.0.0.1', listening));
    server = await startTestServer({ allowAddresses: ['127.0.0.1'] });
    node = await SimulatedNode.enrol(server, await server.token('enrol'));
    await node.connect();
  });
  afterEach(async () => {
    await node.leave();
    await server.stop();
    origin.close();
  });

  const submit = async () => {
    const { body } = await server.ask<JobView>('POST', '/v1/jobs', {
      body: {
        spec: {
          v: 1,
          sources: [
            {
              id: 'in',
              kind: 'http',
              url: `http://127.0.0.1:${(origin.address() as AddressInfo).port}/clip.mp4`,
            },
          ],
          outputs: [{ id: 'events', kind: 'events', from: 'in' }],
        },
      },
    });
    const offer = await node.next('offer');
    await node.hold(offer);
    return { id: body.id, offer };
  };
  const read = async ({ work }: Offer, range = 'bytes=0-99') => {
    const answer = await fetch(new URL(work.sources.in!, server.url), { headers: { range } });
    return { status: answer.status, text: await answer.text() };
  };

  it('is read in as many ranges as a node likes while it stays as it is', async () => {
    const { offer } = await submit();
    for (const range of ['bytes=0-99', 'bytes=900-', 'bytes=5-6'])
      expect((await read(offer, range)).status).toBe(206);
  });

  it('says where its end is to whoever reads beyond it', async () => {
    const { offer } = await submit();
    const answer = await fetch(new URL(offer.work.sources.in!, server.url), {
      headers: { range: 'bytes=1000-1099' },
    });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */1000']);
  });

  it.each([
    ['has another ETag', () => ({ bytes: Buffer.alloc(1_000, 2), etag: '"two"' }), /not the one any more/],
    ['is shorter', () => ({ bytes: Buffer.alloc(500, 1), etag: null }), /not the one any more/],
    [
      'has grown',
      () => ({ bytes: Buffer.alloc(2_000, 1), etag: null }),
      /from 1000 to 2000 bytes.*still being written/,
    ],
  ])('fails its job for good when it %s', async (_what, change, words) => {
    const { id, offer } = await submit();
    expect((await read(offer)).status).toBe(206);
    file = change();
    const refused = await read(offer);
    expect(refused.status).toBe(409);
    const problem = JSON.parse(refused.text) as { code: string; detail: string; remedy: string };
    expect(problem).toMatchObject({ code: 'source-changed', detail: expect.stringMatching(words) });
    // As a node passes it on.
    const { attempt, lease } = offer;
    const { code, detail: message, remedy } = problem;
    node.send({ type: 'fail', attempt, lease, code, message, remedy, retry: false });
    await expect
      .poll(async () => (await server.ask<JobDetail>('GET', `/v1/jobs/${id}`)).body)
      .toMatchObject({ state: 'failed', error: { code: 'source-changed' } });
  });

  it('is read as it is by then when nothing of the job is done and it is taken up again', async () => {
    const { id, offer } = await submit();
    await read(offer);
    file = { bytes: Buffer.alloc(2_000, 1), etag: '"two"' };
    await server.ask('POST', `/v1/jobs/${id}/cancel`);
    await server.ask('POST', `/v1/jobs/${id}/retry`);
    const again = await node.next('offer');
    await node.hold(again);
    expect((await read(again)).status).toBe(206);
  });

  describe('whose origin answers no ranges', () => {
    const copies = (id: string) => {
      const folder = join(server.folder, 'blobs');
      return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.includes(join(id, 'source', '/')),
      );
    };

    beforeEach(() => {
      answers = 'all';
      file.bytes = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 251));
    });

    it('is fetched once, and read in parts', async () => {
      const { offer } = await submit();
      const both = await Promise.all([read(offer, 'bytes=0-9'), read(offer, 'bytes=990-')]);
      expect(both.map(({ status }) => status)).toEqual([206, 206]);
      const part = await fetch(new URL(offer.work.sources.in!, server.url), {
        headers: { range: 'bytes=300-309' },
      });
      expect(part.headers.get('content-range')).toBe('bytes 300-309/1000');
      expect(Buffer.from(await part.arrayBuffer())).toEqual(file.bytes.subarray(300, 310));
      // Both may have asked before either knew.
      expect(asked).toBeLessThanOrEqual(2);
    });

    it('is fetched anew where it broke off, and nothing is kept of that', async () => {
      const { id, offer } = await submit();
      answers = 'less';
      expect((await read(offer)).status).toBe(502);
      expect(copies(id)).toEqual([]);
      answers = 'all';
      expect((await read(offer)).status).toBe(206);
    });

    it('is left alone when the server goes down, and nothing of it stays', async () => {
      const { id, offer } = await submit();
      answers = 'slowly';
      const copying = join(server.folder, 'copies');
      const reading = read(offer).catch(() => null);
      await expect.poll(() => readdirSync(copying)).toHaveLength(1);
      const gone = new Promise<void>((closed) => origin.once('dropped', closed));
      await node.leave();
      await server.running.close();
      await Promise.all([reading, gone]);
      expect([readdirSync(copying), copies(id)]).toEqual([[], []]);
      server = await startTestServer({ allowAddresses: ['127.0.0.1'] }, server);
    });

    it('is kept for no longer than its job goes on', async () => {
      const { id, offer } = await submit();
      await read(offer);
      expect(copies(id)).not.toEqual([]);
      await server.ask('POST', `/v1/jobs/${id}/cancel`);
      // It looks for what nobody needs when it starts.
      await node.leave();
      await server.running.close();
      server = await startTestServer({ allowAddresses: ['127.0.0.1'] }, server);
      await expect.poll(() => copies(id)).toEqual([]);
    });
  });
});
