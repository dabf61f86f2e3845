import { X509Certificate as LeafCertificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Agent, createServer as createPlainServer, request as requestHttp } from 'node:http';
import { createServer, request, type Server, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type OwnCertificates, ownCertificates } from '../../server/net/tls.ts';
import { certificate, newKeys } from '../../tests/support/certificates.ts';
import { serverAgent } from './pinned-agent.ts';

let folder: string;
let own: OwnCertificates;
const servers: TcpServer[] = [];
const agents: Agent[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edge-runner-pin-'));
  own = await ownCertificates(join(folder, 'own'), ['localhost']);
});

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(folder, { recursive: true });
});

async function listening<Kind extends TcpServer>(server: Kind): Promise<Kind> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: TcpServer) => (server.address() as AddressInfo).port;

async function secure(options: ServerOptions): Promise<{ url: URL; server: Server; requests: () => number }> {
  let requests = 0;
  const server = createServer(options, (_request, response) => {
    requests++;
    response.end();
  });
  await listening(server);
  return { url: new URL(`https://localhost:${portOf(server)}/`), server, requests: () => requests };
}

async function agentFor(
  url: URL,
  pin: string | null,
  client?: { cert: string; key: string },
): Promise<Agent> {
  const agent = await serverAgent({ url, pin, cert: client?.cert ?? null, key: client?.key ?? null });
  agents.push(agent);
  return agent;
}

const get = (url: URL, agent: Agent) =>
  new Promise<number>((resolve, reject) => {
    const send = url.protocol === 'https:' ? request : requestHttp;
    send(url, { agent }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode!)))
      .on('error', reject)
      .end();
  });

it('a server with its own certificates is reached by the fingerprint of its authority', async () => {
  const { url } = await secure(own);
  const agent = await agentFor(url, own.caFingerprint);
  expect(await get(url, agent)).toBe(200);
  expect(
    await get(
      url,
      await agentFor(
        url,
        own.caFingerprint.replace(/[a-f]/g, (c) => c.toUpperCase()),
      ),
    ),
  ).toBe(200);
});

it('another authority is refused, both fingerprints named, and nothing was sent', async () => {
  const { url, server, requests } = await secure(own);
  let bytes = 0;
  server.on('secureConnection', (socket) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)));
  const pin = `sha256:${'0123456789abcdef'.repeat(4)}`;
  await expect(agentFor(url, pin)).rejects.toMatchObject({
    code: 'certificate-unknown',
    message: expect.stringMatching(`${own.caFingerprint.slice(0, 23)}….*sha256:0123456789abcdef…`),
  });
  expect([bytes, requests()]).toEqual([0, 0]);
});

it("the fingerprint of the server's own certificate, which does not stay, is none to pin", async () => {
  const { url } = await secure(own);
  const leaf = new LeafCertificate(own.cert).fingerprint256.replaceAll(':', '');
  await expect(agentFor(url, `sha256:${leaf}`)).rejects.toMatchObject({
    code: 'certificate-unknown',
    message: expect.stringContaining(`not of sha256:${leaf.slice(0, 16).toLowerCase()}`),
  });
});

it('without a fingerprint a self-made authority is refused, with what to do', async () => {
  const { url } = await secure(own);
  await expect(agentFor(url, null)).rejects.toMatchObject({
    code: 'certificate-unknown',
    remedy: expect.stringContaining('fingerprint'),
  });
});

it('a name that the certificate is not for is refused, its names told', async () => {
  const { url } = await secure(own);
  url.hostname = '127.0.0.1';
  await expect(agentFor(url, own.caFingerprint)).rejects.toMatchObject({
    code: 'certificate-unknown',
    message: expect.stringContaining('DNS:localhost'),
  });
});

it('an address is reached when the certificate is for it', async () => {
  const both = await ownCertificates(join(folder, 'own'), ['localhost', '127.0.0.1']);
  const { url } = await secure(both);
  url.hostname = '127.0.0.1';
  expect(await get(url, await agentFor(url, own.caFingerprint))).toBe(200);
});

it("someone else's authority for the same names is refused, also with the pinned one behind it", async () => {
  const other = await ownCertificates(join(folder, 'other'), ['localhost']);
  for (const cert of [other.cert, other.cert + own.ca, other.cert.slice(0, -other.ca.length) + own.ca]) {
    const { url, requests } = await secure({ key: other.key, cert });
    await expect(agentFor(url, own.caFingerprint)).rejects.toMatchObject({ code: 'certificate-unknown' });
    expect(requests()).toBe(0);
  }
});

it('a certificate that names the pinned authority without its signature is refused', async () => {
  const { key, cert } = await certificate({ issuer: own.ca, signer: await newKeys() });
  const { url, requests } = await secure({ key, cert: cert + own.ca });
  await expect(agentFor(url, own.caFingerprint)).rejects.toMatchObject({
    code: 'certificate-unknown',
    message: expect.stringContaining(own.caFingerprint.slice(0, 23)),
  });
  expect(requests()).toBe(0);
});

it("the agent itself refuses whoever takes the server's place later", async () => {
  const first = await secure(own);
  const agent = await agentFor(first.url, own.caFingerprint);
  const other = await secure(await ownCertificates(join(folder, 'other'), ['localhost']));
  await expect(get(other.url, agent)).rejects.toThrow('certificate');
});

it('a certificate that has ended is refused, with its dates', async () => {
  const past = new Date(Date.now() - 400 * 24 * 3600 * 1000);
  const old = await ownCertificates(join(folder, 'old'), ['localhost'], past);
  const { url } = await secure(old);
  await expect(agentFor(url, old.caFingerprint)).rejects.toMatchObject({
    code: 'certificate-unknown',
    remedy: expect.stringContaining('clock'),
  });
});

it('a server that asks for a certificate gets it, from an agent that has one', async () => {
  const root = await certificate({ issuer: null, signer: await newKeys() });
  const client = await certificate({ issuer: root.cert, signer: root.keys });
  const { url } = await secure({ ...own, ca: root.cert, requestCert: true, rejectUnauthorized: true });
  expect(await get(url, await agentFor(url, own.caFingerprint, client))).toBe(200);
  await expect(get(url, await agentFor(url, own.caFingerprint))).rejects.toThrow();
});

it('a server that is not there, or does not speak TLS, is said to be so', async () => {
  const closed = await listening(createTcpServer());
  const url = new URL(`https://localhost:${portOf(closed)}/`);
  await new Promise((resolve) => servers.pop()!.close(resolve));
  await expect(agentFor(url, own.caFingerprint)).rejects.toMatchObject({ code: 'server-unreachable' });
  url.port = String(portOf(await listening(createPlainServer())));
  await expect(agentFor(url, own.caFingerprint)).rejects.toMatchObject({
    code: 'server-unreachable',
    message: expect.stringContaining('does not speak TLS'),
  });
});

it('a plain server is reached without a fingerprint, and with one is refused', async () => {
  const plain = await listening(createPlainServer((_request, response) => response.end()));
  const url = new URL(`http://127.0.0.1:${portOf(plain)}/`);
  expect(await get(url, await agentFor(url, null))).toBe(200);
  await expect(agentFor(url, own.caFingerprint)).rejects.toMatchObject({ code: 'option-invalid' });
});

it.each(['', 'sha256:', 'ab'.repeat(32), `sha1:${'ab'.repeat(20)}`])(
  '"%s" is no fingerprint',
  async (pin) => {
    const url = new URL('https://localhost:1/');
    await expect(agentFor(url, pin)).rejects.toMatchObject({ code: 'option-invalid' });
  },
);
