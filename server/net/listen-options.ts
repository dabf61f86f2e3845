import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerOptions as TlsOptions } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { EdgeRunnerError } from '../../protocol/index.ts';
import type { ServerOptions } from '../options.ts';
import { ownCertificates, readCertificates, serverNames } from './tls.ts';

/** How the server speaks. */
export interface Listening {
  /** Null for plain HTTP. */
  tls: TlsOptions | null;
  /** Fingerprint of our own CA, where it made the certificate. */
  pin: string | null;
  /** That CA, PEM. */
  ca: string | null;
  /** Whether headless nodes must show a certificate. */
  requireClient: boolean;
}

/** TLS, but on loopback and where something in front speaks it. @throws {EdgeRunnerError} `option-invalid` */
export async function listenOptions(
  { host, certificate, plainHttp, clientCa, names }: ServerOptions,
  data: string,
): Promise<Listening> {
  if (plainHttp || (isLoopback(host) && !certificate && !clientCa)) {
    if (certificate || clientCa)
      throw new EdgeRunnerError(
        'option-invalid',
        'Certificates do nothing on plain HTTP.',
        'Leave --plain-http or the certificates out.',
      );
    return { tls: null, pin: null, ca: null, requireClient: false };
  }
  const own = certificate ? null : await ownCertificates(join(data, 'tls'), [...serverNames(host), ...names]);
  const { cert, key } = own ?? readCertificates(certificate!.cert, certificate!.key);
  return {
    tls: {
      ...{ cert, key },
      ...(clientCa && {
        ...{ ca: readPem(clientCa), requestCert: true, rejectUnauthorized: false },
        // A session that is taken up again counts as authorized, whether or not its first one showed a certificate.
        secureOptions: constants.SSL_OP_NO_TICKET,
      }),
    },
    pin: own?.caFingerprint ?? null,
    ca: own?.ca ?? null,
    requireClient: clientCa !== null,
  };
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

function readPem(path: string): string {
  try {
    const pem = readFileSync(path, 'utf8');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch {
    // Told below, as what is no certificate.
  }
  throw new EdgeRunnerError('option-invalid', `${path} holds no certificate.`, 'Give a PEM file.');
}
