import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AddressGuard } from './address-guard.ts';
import { type GuardedRequest, guardedGet } from './guarded-get.ts';
import { ownCertificates } from './tls.ts';

const servers: Server[] = [];

afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

interface Origin {
  host: string;
  url: string;
  requests: IncomingMessage[];
  /** The connection of the first request. */
  asked: Promise<Socket>;
}

const origin = (answer: RequestListener) => started('http', createServer(), answer);

async function secureOrigin(answer: RequestListener): Promise<Origin> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-tls-'));
  const { key, cert } = await ownCertificates(folder, ['127.0.0.1']);
  rmSync(folder, { recursive: true });
  return started('https', createSecureServer({ key, cert }), answer);
}

async function started(scheme: string, server: Server, answer: RequestListener): Promise<Origin> {
  const requests: IncomingMessage[] = [];
  server.on('request', (request: IncomingMessage) => requests.push(request)).on('request', answer);
  servers.push(server);
  const asked = once(server, 'request').then(([request]) => (request as IncomingMessage).socket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `${scheme}://${host}/clip.mp4`, requests, asked };
}

const redirectTo = (location: string, status = 302) =>
  origin((_request, response) => response.writeHead(status, { location }).end('moved'));

const get = (url: string, allowed: Origin[], request: Partial<GuardedRequest> = {}) =>
  guardedGet(
    { url, headers: {}, range: null, signal: new AbortController().signal, ...request },
    new AddressGuard(allowed.map(({ host }) => host)),
  );

const CLIP = Buffer.from('0123456789');

describe('a request', () => {
  it('is answered with status, headers and the bytes as they are', async () => {
    const one = await origin((_request, response) => response.setHeader('etag', '"a"').end(CLIP));
    const answer = await get(one.url, [one], { headers: { Cookie: 'a=b' } });
    expect(answer.status).toBe(200);
    expect(answer.header('etag')).toBe('"a"');
    expect(answer.header('x-none')).toBeNull();
    expect(await buffer(answer.body)).toEqual(CLIP);
    expect(one.requests[0]!.headers).toMatchObject({
      cookie: 'a=b',
      'user-agent': 'edge-runner',
      'accept-encoding': 'identity',
    });
  });

  it('asks for a range, closed or open', async () => {
    const one = await origin((request, response) => {
      const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range!)!;
      response.writeHead(206).end(CLIP.subarray(Number(start), end ? Number(end) + 1 : undefined));
    });
    const closed = await get(one.url, [one], { range: { start: 2, end: 4 } });
    expect([closed.status, await text(closed.body)]).toEqual([206, '234']);
    const open = await get(one.url, [one], { range: { start: 7, end: null } });
    expect(await text(open.body)).toBe('789');
  });

  it('has no header of the user that would change its range, its framing or its host', async () => {
    const one = await origin((_request, response) => response.end());
    const headers = { Host: 'admin.lan', Range: 'bytes=0-', 'Transfer-Encoding': 'chunked', 'X-Key': 'k' };
    await get(one.url, [one], { headers });
    expect(one.requests[0]!.headers).toMatchObject({ host: one.host, 'x-key': 'k' });
    expect(one.requests[0]!.headers).not.toHaveProperty('range');
    expect(one.requests[0]!.headers).not.toHaveProperty('transfer-encoding');
  });

  it('to an address that is not allowed reaches nobody', async () => {
    const one = await origin((_request, response) => response.end());
    await expect(get(one.url, [])).rejects.toMatchObject({ code: 'address-refused' });
    expect(one.requests).toHaveLength(0);
  });

  it.each([
    [401, '--header', 'url-status'],
    [404, 'Check the address', 'url-status'],
    [429, 'later', 'url-unreachable'],
    [503, 'later', 'url-unreachable'],
  ])(
    'answered with %i is refused with what to do, and its signature is not told',
    async (status, remedy, code) => {
      const one = await origin((_request, response) => response.writeHead(status).end('no'));
      await expect(get(`${one.url}?signature=s`, [one])).rejects.toMatchObject({
        code,
        message: expect.stringMatching(new RegExp(`^${one.url} answered ${status} `)),
        remedy: expect.stringContaining(remedy),
      });
    },
  );

  it('where nothing answers is said to be so', async () => {
    const one = await origin(() => {});
    await new Promise((resolve) => servers.pop()!.close(resolve));
    await expect(get(one.url, [one])).rejects.toMatchObject({
      code: 'url-unreachable',
      message: expect.stringContaining('nothing answers there'),
    });
  });

  it('over TLS goes to nobody whose certificate is not trusted', async () => {
    const one = await secureOrigin((_request, response) => response.end());
    await expect(get(one.url, [one])).rejects.toMatchObject({
      code: 'url-unreachable',
      message: expect.stringContaining('certificate'),
    });
    expect(one.requests).toHaveLength(0);
  });

  it('that is no longer wanted ends with the reason why', async () => {
    const one = await origin(() => {});
    const gone = new AbortController();
    const answer = get(one.url, [one], { signal: gone.signal });
    const closed = once(await one.asked, 'close');
    gone.abort(new Error('not wanted'));
    await expect(answer).rejects.toThrow('not wanted');
    await closed;
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('is followed (%i)', async (status) => {
    const end = await origin((_request, response) => response.end('end'));
    const start = await redirectTo(end.url, status);
    expect(await text((await get(start.url, [start, end])).body)).toBe('end');
  });

  it('is judged like an address of its own: loopback, metadata, other schemes, passwords', async () => {
    const inside = await origin((_request, response) => response.end('secret'));
    const to = ['http://169.254.169.254/latest/meta-data/', 'http://localhost/', 'file:///etc/passwd'];
    for (const location of [inside.url, ...to, `http://ada:secret@${inside.host}/`]) {
      const start = await redirectTo(location);
      await expect(get(start.url, [start]), location).rejects.toMatchObject({ code: 'address-refused' });
    }
    expect(inside.requests).toHaveLength(0);
  });

  it('takes the headers of the user along within an origin, and never back from another', async () => {
    const headers = { Authorization: 'Bearer secret', Cookie: 'a=b', 'X-Key': 'k' };
    const home = await origin((request, response) => {
      if (request.url === '/end') response.end();
      else
        response
          .writeHead(302, { location: request.url === '/clip.mp4' ? '/second' : `${other.url}?${home.url}` })
          .end();
    });
    const other = await origin((_request, response) =>
      response.writeHead(302, { location: new URL('/end', home.url).href }).end(),
    );
    await get(home.url, [home, other], { headers, range: { start: 3, end: null } });
    const had = [...home.requests.slice(0, 2), other.requests[0]!, home.requests[2]!].map(
      ({ headers: { authorization, cookie, 'x-key': key, range } }) => [authorization, cookie, key, range],
    );
    const all = ['Bearer secret', 'a=b', 'k', 'bytes=3-'];
    const none = [undefined, undefined, undefined, 'bytes=3-'];
    expect(had).toEqual([all, all, none, none]);
  });

  it('leads from http to https, but never back', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const plain = await origin((_request, response) => response.end('plain'));
    const back = await secureOrigin((_request, response) =>
      response.writeHead(302, { location: plain.url }).end(),
    );
    const secure = await secureOrigin((_request, response) => response.end('secure'));
    const start = await redirectTo(secure.url);
    expect(await text((await get(start.url, [start, secure])).body)).toBe('secure');
    await expect(get(back.url, [back, plain])).rejects.toMatchObject({
      code: 'address-refused',
      message: expect.stringContaining('from https to http'),
    });
    expect(plain.requests).toHaveLength(0);
  });

  it('is followed five times and no more', async () => {
    const ring = await origin((request, response) => {
      const left = Number(request.url!.slice(1));
      if (left === 0) response.end('end');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const from = (left: number) => get(new URL(`/${left}`, ring.url).href, [ring]);
    expect(await text((await from(5)).body)).toBe('end');
    await expect(from(6)).rejects.toMatchObject({ code: 'url-unreachable' });
  });
});

describe('a body', () => {
  /** Half of what it announces, and then nothing. */
  const halting = () =>
    origin((_request, response) => response.writeHead(200, { 'content-length': 10 }).write('01234'));

  const firstOf = async (body: Readable) => {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) return String(chunk);
  };

  const failure = (body: Readable) => once(body, 'error').then(([error]: unknown[]) => error);

  it('that stalls is given up after half a minute of silence', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const one = await halting();
    const { body } = await get(one.url, [one]);
    expect(await firstOf(body)).toBe('01234');
    const failed = failure(body);
    const closed = once(await one.asked, 'close');
    body.resume();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(body.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await failed).toMatchObject({
      code: 'url-unreachable',
      message: expect.stringContaining('nothing came for 30 s'),
    });
    await closed;
  });

  it('waits for its reader as long as that likes, without reading ahead', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const big = Buffer.alloc(16 << 20, 7);
    const one = await origin((_request, response) => response.end(big));
    const { body } = await get(one.url, [one]);
    await once(body, 'readable');
    // The origin sends within the same loop: turns enough for it to have sent all of it.
    for (let turns = 0; turns < 2000; turns++) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(body.readableLength).toBeLessThan(big.length / 8);
    expect((await buffer(body)).equals(big)).toBe(true);
  });

  it('a head that does not come is given up, too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const one = await origin(() => {});
    const answer = get(one.url, [one]);
    const refused = expect(answer).rejects.toMatchObject({ code: 'url-unreachable' });
    await one.asked;
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
  });

  it('closes the connection to the origin when its reader goes', async () => {
    const one = await halting();
    const { body } = await get(one.url, [one]);
    await firstOf(body);
    const closed = once(await one.asked, 'close');
    body.destroy();
    await closed;
  });

  it('ends with the signal, in its midst', async () => {
    const one = await halting();
    const gone = new AbortController();
    const { body } = await get(one.url, [one], { signal: gone.signal });
    await firstOf(body);
    const closed = once(await one.asked, 'close');
    const failed = failure(body);
    gone.abort();
    expect(await failed).toMatchObject({ name: 'AbortError' });
    await closed;
  });

  it('that breaks off is an error, and no short file', async () => {
    const one = await halting();
    const { body } = await get(one.url, [one]);
    await firstOf(body);
    const failed = failure(body);
    body.resume();
    (await one.asked).destroy();
    expect(await failed).toMatchObject({
      code: 'url-unreachable',
      message: expect.stringContaining('the connection broke off'),
    });
  });
});
