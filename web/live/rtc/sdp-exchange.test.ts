import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { exchangeSdp } from './sdp-exchange.ts';

const SDP = 'v=0\r\n';
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('ends a session where it was begun, though the offer was sent on to there', async () => {
  const ended: string[] = [];
  const there = await serve(({ method, url }, response) => {
    if (method === 'DELETE') ended.push(`${url}`);
    if (method === 'POST') response.writeHead(201, { location: 'session/1' });
    response.end(SDP);
  });
  const here = await serve((_request, response) => {
    response.writeHead(307, { location: `${there}/whip/one` }).end();
  });
  const session = await exchangeSdp({ url: `${here}/entrance` }, SDP, new AbortController().signal);
  expect(session.answer).toBe(SDP);
  await session.end();
  expect(ended).toEqual(['/whip/session/1']);
});

it('given up before the answer, it lets the endpoint know', async () => {
  const leaving = new AbortController();
  let gone = () => {};
  const heard = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const url = await serve((request) => {
    request.socket.on('close', gone);
    leaving.abort();
  });
  await expect(exchangeSdp({ url }, SDP, leaving.signal)).rejects.toThrow('abort');
  await heard;
});

it('given up in the midst of the answer, it ends the session that it names', async () => {
  const leaving = new AbortController();
  const ended: (string | undefined)[] = [];
  const url = await serve(({ method, headers }, response) => {
    if (method === 'DELETE') {
      ended.push(headers.authorization);
      response.end();
      return;
    }
    response.writeHead(201, { location: '/session/1' });
    response.write('v=');
    setTimeout(() => leaving.abort(), 50);
  });
  await expect(exchangeSdp({ url, token: 'secret' }, SDP, leaving.signal)).rejects.toThrow('abort');
  expect(ended).toEqual(['Bearer secret']);
});
