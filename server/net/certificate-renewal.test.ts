import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CertificateRenewal } from './certificate-renewal.ts';
import { ownCertificates, readCertificates } from './tls.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-runner-renewal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('shows the certificate that replaced the first, and keeps the last good one', async () => {
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const put = async (name: string) => {
    const { cert, key } = await ownCertificates(join(folder, name), ['localhost', name]);
    writeFileSync(certPath, cert);
    writeFileSync(keyPath, key);
  };
  await put('first');
  const shown = readCertificates(certPath, keyPath);
  const server = createServer(shown, (_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const namesSeen = async () => {
    const socket = connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    const names = socket.getPeerCertificate().subjectaltname;
    socket.destroy();
    return names;
  };
  const log = pino({ level: 'silent' });
  const look = async () => readCertificates(certPath, keyPath);
  const renewal = new CertificateRenewal({ server, shown, look, log });

  await renewal.look();
  expect(await namesSeen()).toBe('DNS:localhost, DNS:first');
  await put('second');
  expect(await namesSeen()).toBe('DNS:localhost, DNS:first');
  await renewal.look();
  expect(await namesSeen()).toBe('DNS:localhost, DNS:second');
  writeFileSync(certPath, 'half of a certif');
  await renewal.look();
  expect(await namesSeen()).toBe('DNS:localhost, DNS:second');
  await put('third');
  await renewal.look();
  expect(await namesSeen()).toBe('DNS:localhost, DNS:third');
  await renewal.stop();
  await new Promise((closed) => server.close(closed));
});
