import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
export const newKeys = () => webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);

/** A certificate for `localhost` that names an issuer, or is its own, and is signed by whoever signs it. */
export async function certificate(by: { issuer: string | null; signer: webcrypto.CryptoKeyPair }) {
  const keys = by.issuer === null ? by.signer : await newKeys();
  const issuer = by.issuer === null ? null : new X509Certificate(by.issuer);
  const made = await X509CertificateGenerator.create({
    subject: [{ CN: [issuer ? 'one' : 'root'] }],
    issuer: issuer?.subjectName ?? [{ CN: ['root'] }],
    publicKey: keys.publicKey,
    signingKey: by.signer.privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(issuer === null),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
      ...(issuer ? [await AuthorityKeyIdentifierExtension.create(issuer.publicKey)] : []),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  return { keys, key, cert: `${made.toString('pem')}\n` };
}
