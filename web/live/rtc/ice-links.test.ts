import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { askForIceServers, iceServersOf } from './ice-links.ts';

describe('the Link headers of an endpoint', () => {
  it('name its ICE servers, among other links, whatever is in their quotes', () => {
    const header = [
      '<https://media.example/session/1>; rel=self',
      '<stun:stun.example.net>; rel="ice-server"',
      '<turn:turn.example.net?transport=udp> ; username="a, b; c=\\"<d>\\"" ;credential="p\\\\w";REL="prefetch ice-server"; rel=self; credential-type="password"',
      '<turns:turn.example.net>;rel=ice-server;username=u;credential=c',
    ].join(', ');
    expect(iceServersOf(header)).toEqual([
      { urls: 'stun:stun.example.net' },
      { urls: 'turn:turn.example.net?transport=udp', username: 'a, b; c="<d>"', credential: 'p\\w' },
      { urls: 'turns:turn.example.net', username: 'u', credential: 'c' },
    ]);
  });

  it('that no browser would take, or that are none, are left out', () => {
    for (const header of [
      '',
      '<turn:turn.example.net>; rel="ice-server"',
      '<https://media.example>; rel="ice-server"',
      '<stun:stun.example.net>; title="rel=ice-server"',
      '<stun:stun.example.net>; rel="ice-server',
      'stun:stun.example.net; rel="ice-server"',
    ])
      expect(iceServersOf(header), header).toEqual([]);
  });
});

describe('an endpoint', () => {
  const ask = async (listener: RequestListener, token?: string) => {
    const server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/whip`;
    try {
      return await askForIceServers({ url, ...(token && { token }) }, new AbortController().signal);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  const link = '<stun:stun.example.net>; rel="ice-server"';

  it('is asked with the token, and not without one', async () => {
    const asked: unknown[] = [];
    const listener: RequestListener = ({ method, headers }, response) => {
      asked.push([method, headers.authorization]);
      response.writeHead(204, { link }).end();
    };
    expect(await ask(listener, 'secret')).toEqual([{ urls: 'stun:stun.example.net' }]);
    expect(await ask(listener)).toEqual([]);
    expect(asked).toEqual([['OPTIONS', 'Bearer secret']]);
  });

  it('that refuses, breaks off or does not answer has none', async () => {
    expect(await ask((_, response) => response.writeHead(405, { link }).end(), 'secret')).toEqual([]);
    expect(await ask(({ socket }) => socket.destroy(), 'secret')).toEqual([]);
    expect(await ask(() => {}, 'secret')).toEqual([]);
  });
});
