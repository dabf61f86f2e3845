import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownCertificates, readCertificates, serverNames } from './tls.ts';

const DAY = 24 * 3600 * 1000;
const NAMES = ['localhost', 'gpu-box.local', '127.0.0.1', '::1'];

let outer: string;
let folder: string;

beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), 'edge-runner-tls-'));
  folder = join(outer, 'tls');
});

afterEach(() => rmSync(outer, { recursive: true }));

const inDays = (days: number) => new Date(Date.now() + days * DAY);
const daysOf = ({ validFrom, validTo }: X509Certificate) =>
  (Date.parse(validTo) - Date.parse(validFrom)) / DAY;

describe("a server's own certificates", () => {
  it('are an authority of ten years that may sign servers only, and a certificate of 13 months', async () => {
    const { key, cert, ca, caFingerprint } = await ownCertificates(folder, NAMES);
    const [server, root] = [new X509Certificate(cert), new X509Certificate(ca)];
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(daysOf(root)).toBeCloseTo(3650, 3);
    expect(caFingerprint).toBe(`sha256:${createHash('sha256').update(root.raw).digest('hex')}`);
    expect(server.ca).toBe(false);
    expect(server.checkIssued(root) && server.verify(root.publicKey)).toBe(true);
    expect(server.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(daysOf(server)).toBeCloseTo(395, 3);
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(server.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    for (const name of NAMES)
      expect(name.includes(':') || /^\d/.test(name) ? server.checkIP(name) : server.checkHost(name)).toBe(
        name,
      );
    expect(server.checkHost('other.local')).toBeUndefined();
    expect(cert.endsWith(ca)).toBe(true);
  });

  it('are taken by a client that trusts the authority, by name and by address', async () => {
    const { key, cert, ca } = await ownCertificates(folder, NAMES);
    const server = createServer({ key, cert }, (_request, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const get = (options: RequestOptions) =>
      new Promise<number>((resolve, reject) => {
        const address = { host: '127.0.0.1', port, agent: false, ca };
        request({ ...address, ...options }, (answer) => resolve(answer.resume().statusCode!))
          .on('error', reject)
          .end();
      });
    expect(await get({})).toBe(200);
    expect(await get({ servername: 'gpu-box.local' })).toBe(200);
    await expect(get({ servername: 'other.local' })).rejects.toThrow('altnames');
    await expect(get({ ca: undefined })).rejects.toThrow('certificate');
    await new Promise((resolve) => server.close(resolve));
  });

  it('are the same at the next start', async () => {
    const first = await ownCertificates(folder, NAMES);
    expect(await ownCertificates(folder, [...NAMES].reverse())).toEqual(first);
  });

  it('can be read by nobody else', async () => {
    await ownCertificates(folder, NAMES);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder);
    expect(files.sort()).toEqual(['authority.pem', 'server.pem']);
    for (const file of files) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  });

  it('are renewed in the last 30 days, by the same authority', async () => {
    const first = await ownCertificates(folder, NAMES);
    expect(await ownCertificates(folder, NAMES, inDays(363))).toEqual(first);
    const renewed = await ownCertificates(folder, NAMES, inDays(365));
    expect(renewed.ca).toBe(first.ca);
    expect(renewed.cert).not.toBe(first.cert);
    expect(Date.parse(new X509Certificate(renewed.cert).validTo)).toBeGreaterThan(inDays(700).getTime());
  });

  it.each([
    ['one more', [...NAMES, '192.168.1.2']],
    ['one fewer', NAMES.slice(1)],
    ['another', [...NAMES.slice(1), 'other.local']],
  ])('are made anew when the names are others (%s), by the same authority', async (_what, names) => {
    const first = await ownCertificates(folder, NAMES);
    const other = await ownCertificates(folder, names);
    expect(other.ca).toBe(first.ca);
    expect(other.cert).not.toBe(first.cert);
    expect(await ownCertificates(folder, names)).toEqual(other);
  });

  it('never outlast the authority, which is replaced when it ends itself', async () => {
    const first = await ownCertificates(folder, NAMES);
    const late = await ownCertificates(folder, NAMES, inDays(3500));
    expect(late.ca).toBe(first.ca);
    expect(new X509Certificate(late.cert).validTo).toBe(new X509Certificate(first.ca).validTo);
    const after = await ownCertificates(folder, NAMES, inDays(3640));
    expect(after.caFingerprint).not.toBe(first.caFingerprint);
    expect(new X509Certificate(after.cert).verify(new X509Certificate(after.ca).publicKey)).toBe(true);
  });

  it('with a damaged authority are not replaced behind the back of those who pinned it', async () => {
    await ownCertificates(folder, NAMES);
    writeFileSync(join(folder, 'server.pem'), 'damaged');
    await ownCertificates(folder, NAMES);
    writeFileSync(join(folder, 'authority.pem'), 'damaged');
    await expect(ownCertificates(folder, NAMES)).rejects.toMatchObject({ code: 'data-unusable' });
  });

  it.each(['', 'https://gpu-box', 'gpu box', 'gpu-box:8443'])('are for no such name: "%s"', async (name) => {
    await expect(ownCertificates(folder, [name])).rejects.toMatchObject({ code: 'option-invalid' });
  });
});

describe("the operator's certificates", () => {
  const [certPath, keyPath, otherPath] = ['cert.pem', 'key.pem', 'other.pem'].map(
    (name) => () => join(outer, name),
  ) as [() => string, () => string, () => string];

  beforeEach(async () => {
    const { cert, key } = await ownCertificates(folder, NAMES);
    writeFileSync(certPath(), cert);
    writeFileSync(keyPath(), key);
  });

  const refusal = (message: string) =>
    expect.objectContaining({ code: 'option-invalid', message: expect.stringContaining(message) });

  it('are read with their chain', async () => {
    const { cert, key } = await ownCertificates(folder, NAMES);
    expect(readCertificates(certPath(), keyPath())).toEqual({ cert, key });
  });

  it('are refused when they are not there, no PEM, or locked', () => {
    expect(() => readCertificates(otherPath(), keyPath())).toThrow(refusal('does not exist'));
    expect(() => readCertificates(outer, keyPath())).toThrow(refusal('cannot be read (EISDIR)'));
    expect(() => readCertificates(keyPath(), keyPath())).toThrow(refusal('not a certificate in PEM'));
    expect(() => readCertificates(certPath(), certPath())).toThrow(refusal('not a private key in PEM'));
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'secret' };
    writeFileSync(otherPath(), privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }));
    expect(() => readCertificates(certPath(), otherPath())).toThrow(refusal('without a passphrase'));
  });

  it('are refused when the key is for another certificate', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(otherPath(), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(() => readCertificates(certPath(), otherPath())).toThrow(refusal('does not fit'));
  });
});

describe('the names of a server', () => {
  const others = Object.values(networkInterfaces())
    .flatMap((all) => all!)
    .map(({ address }) => address)
    .filter((address) => !address.startsWith('fe80:'));

  it.each(['0.0.0.0', '::'])('that listens everywhere (%s) are all of this machine', (host) => {
    expect(serverNames(host)).toEqual(
      expect.arrayContaining(['localhost', hostname().toLowerCase(), ...others]),
    );
    expect(serverNames(host)).not.toContain(host);
  });

  it('that listens on one address are this one, and no other address', () => {
    const names = serverNames('192.168.77.77');
    expect(names).toEqual(expect.arrayContaining(['192.168.77.77', 'localhost', hostname().toLowerCase()]));
    for (const address of others) expect(names).not.toContain(address);
  });

  it('are all fit for its certificate', async () => {
    const names = serverNames('::');
    const { subjectAltName } = new X509Certificate((await ownCertificates(folder, names)).cert);
    expect(subjectAltName!.split(', ')).toHaveLength(names.length);
  });
});
