import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type AgentOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { NODE_PROTOCOL, NODE_SUBPROTOCOL, type ToNode } from '../../protocol/index.ts';
import { certificate, newKeys } from '../../tests/support/certificates.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { CAPABILITIES } from '../testing-node.ts';

describe('a server that wants certificates of its headless nodes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-client-ca-'));
  let server: TestServer;
  let known: { cert: string; key: string };
  let strange: { cert: string; key: string };
  let credential: string;

  beforeAll(async () => {
    const root = await certificate({ issuer: null, signer: await newKeys() });
    known = await certificate({ issuer: root.cert, signer: root.keys });
    strange = await certificate({ issuer: null, signer: await newKeys() });
    writeFileSync(join(folder, 'root.pem'), root.cert);
    // The test's own requests are about what comes behind TLS.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    server = await startTestServer({ clientCa: join(folder, 'root.pem') });
    const { body } = await server.ask<{ credential: string }>('POST', '/v1/nodes', {
      token: await server.token('enrol'),
      body: { name: 'one', host: 'headless' },
    });
    credential = body.credential;
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The answer to a hello over a connection of these options. */
  async function hello(options: AgentOptions): Promise<{ type: string; reused: boolean }> {
    const agent = new Agent({ ...options, keepAlive: false });
    const url = new URL('/v1/node', server.url);
    url.protocol = 'wss:';
    const socket = new WebSocket(url, NODE_SUBPROTOCOL, { agent });
    let reused = false;
    socket.once('upgrade', (answer) => {
      reused = (answer.socket as TLSSocket).isSessionReused();
    });
    await once(socket, 'open');
    socket.send(
      JSON.stringify({
        ...{ type: 'hello', protocol: NODE_PROTOCOL, build: 'test', credential, host: 'headless' },
        ...{ slots: 1, capabilities: CAPABILITIES, speeds: {} },
      }),
    );
    const [data] = (await once(socket, 'message')) as [Buffer];
    socket.terminate();
    agent.destroy();
    return { type: (JSON.parse(data.toString()) as ToNode).type, reused };
  }

  /** All that a server gives for taking a session up again. */
  async function sessionsOf(options: AgentOptions): Promise<Buffer[]> {
    const sessions: Buffer[] = [];
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...options });
    socket.on('session', (session: Buffer) => sessions.push(session));
    await once(socket, 'secureConnect');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    return sessions;
  }

  it.each(['without one', 'with one that nobody here has signed'])(
    'lets no headless node in %s, however often it comes',
    async (how) => {
      const shown = how === 'without one' ? {} : { cert: strange.cert, key: strange.key };
      for (let i = 0; i < 3; i++) expect((await hello(shown)).type).toBe('refused');
      // Nor when it takes up the session of a connection before.
      for (const session of await sessionsOf(shown))
        expect((await hello({ ...shown, session })).type).toBe('refused');
    },
  );

  it('lets one in that shows it, each time', async () => {
    const shown = { cert: known.cert, key: known.key };
    for (let i = 0; i < 3; i++) expect((await hello(shown)).type).toBe('welcome');
    for (const session of await sessionsOf(shown))
      expect((await hello({ ...shown, session })).type).toBe('welcome');
  });
});
