// The certificate maker below finds its parts through it, and must find it in place.
import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as Signed,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { EdgeRunnerError } from '../../protocol/index.ts';

const DAY = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
/** 13 months: browsers take no more from a certificate. */
const SERVER_DAYS = 395;
/** A certificate with fewer days left is made anew. */
const LEAST_DAYS = 30;
/** Certificates begin in the past, for nodes whose clock is behind. */
const HEAD_START = DAY;

/** PEM, both. */
export interface Certificates {
  key: string;
  /** The server's own certificate first, then whoever signed it. */
  cert: string;
}

export interface OwnCertificates extends Certificates {
  /** The root that people install and nodes pin, PEM. */
  ca: string;
  /** `sha256:` and the hexadecimal digest of its DER. */
  caFingerprint: string;
}

/**
 * Certificates of a server's own making, kept in a folder: an authority that stays, and the server's certificate, which
 * is made anew when it is about to end or the names are others.
 * @param names DNS names and addresses of the server.
 * @throws {EdgeRunnerError} `data-unusable` when the kept authority cannot be read, `option-invalid` for what is no name.
 */
export async function ownCertificates(
  folder: string,
  names: readonly string[],
  now = new Date(),
): Promise<OwnCertificates> {
  const wanted = [...new Set(names.map(canonicalName))];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const authority = await keptOrMade(join(folder, 'authority.pem'), {
    usable: (kept) => lasts(kept, now),
    make: () => newAuthority(now),
    damaged: authorityDamaged,
  });
  const server = await keptOrMade(join(folder, 'server.pem'), {
    usable: (kept) => lasts(kept, now) && signedBy(kept, authority) && namesAre(kept, wanted),
    make: () => newServer(wanted, authority, now),
    damaged: () => null,
  });
  const ca = new X509Certificate(authority.cert);
  return {
    key: server.key,
    cert: server.cert + authority.cert,
    ca: authority.cert,
    caFingerprint: `sha256:${createHash('sha256').update(ca.raw).digest('hex')}`,
  };
}

/**
 * Certificates that the operator brings, chain included.
 * @throws {EdgeRunnerError} `option-invalid`
 */
export function readCertificates(certPath: string, keyPath: string): Certificates {
  const [cert, key] = [readGiven(certPath), readGiven(keyPath)];
  const own = parsed(() => new X509Certificate(cert), certPath, 'certificate in PEM (BEGIN CERTIFICATE)');
  const secret = parsed(() => createPrivateKey(key), keyPath, 'private key in PEM without a passphrase');
  if (!own.checkPrivateKey(secret))
    throw badFile(
      `The key in ${keyPath} does not fit the first certificate in ${certPath}.`,
      "Give the key that the certificate was made for; in a chain the server's own certificate comes first.",
    );
  return { cert, key };
}

/** Names and addresses under which a server that listens on `host` is reached from elsewhere and from here. */
export function serverNames(host: string): string[] {
  const own = hostname().toLowerCase();
  // What machines of a network without a name server call each other (RFC 6762).
  const names = ['localhost', own, ...(own.includes('.') ? [] : [`${own}.local`])];
  if (host !== '0.0.0.0' && host !== '::') return [...new Set([host.toLowerCase(), ...names])];
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    // Link-local ones of IPv6 are told apart by the interface, which no certificate can name.
    .filter(({ address }) => !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
  return [...new Set([...names, ...addresses])];
}

interface Keeping {
  usable(kept: Certificates): boolean;
  make(): Promise<Certificates>;
  /** What to do about a file that is there and makes no sense: null to make it anew. */
  damaged(path: string): Error | null;
}

/** Key and certificate are one file: written by a rename, they cannot come apart. */
async function keptOrMade(path: string, { usable, make, damaged }: Keeping): Promise<Certificates> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text !== null) {
    const kept = parseKept(text);
    if (kept && usable(kept)) return kept;
    const failure = kept ? null : damaged(path);
    if (failure) throw failure;
  }
  const made = await make();
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(beside, made.key + made.cert, { mode: 0o600 });
  await rename(beside, path);
  return made;
}

function parseKept(text: string): Certificates | null {
  const end = text.indexOf('-----BEGIN CERTIFICATE-----');
  const kept = { key: text.slice(0, end), cert: text.slice(end) };
  try {
    return new X509Certificate(kept.cert).checkPrivateKey(createPrivateKey(kept.key)) ? kept : null;
  } catch {
    return null;
  }
}

const lasts = ({ cert }: Certificates, now: Date) =>
  Date.parse(new X509Certificate(cert).validTo) - now.getTime() >= LEAST_DAYS * DAY;

const signedBy = ({ cert }: Certificates, authority: Certificates) =>
  new X509Certificate(cert).verify(new X509Certificate(authority.cert).publicKey);

function namesAre({ cert }: Certificates, wanted: readonly string[]): boolean {
  const own = new X509Certificate(cert);
  const has = (name: string) =>
    (isIP(name) ? own.checkIP(name) : own.checkHost(name, { subject: 'never' })) !== undefined;
  return own.subjectAltName?.split(', ').length === wanted.length && wanted.every(has);
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };

/** It may sign servers and nothing else, and no further authorities: whoever installs it trusts it with no more. */
async function newAuthority(now: Date): Promise<Certificates> {
  const keys = await newKeys();
  // Told apart in a list of roots from that of another folder on the same machine.
  const name = `edge-runner on ${hostname().slice(0, 32)} ${randomBytes(4).toString('hex')}`;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: SIGNATURE,
    notBefore: new Date(now.getTime() - HEAD_START),
    notAfter: new Date(now.getTime() - HEAD_START + AUTHORITY_DAYS * DAY),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await keyPem(keys), cert: `${certificate.toString('pem')}\n` };
}

async function newServer(
  names: readonly string[],
  authority: Certificates,
  now: Date,
): Promise<Certificates> {
  const keys = await newKeys();
  // Taken over as it stands: some readers compare the names of signer and authority byte by byte.
  const issuer = new Signed(authority.cert);
  const pkcs8 = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' });
  const end = Math.min(now.getTime() - HEAD_START + SERVER_DAYS * DAY, issuer.notAfter.getTime());
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: ['edge-runner'] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, CURVE, false, ['sign']),
    signingAlgorithm: SIGNATURE,
    notBefore: new Date(now.getTime() - HEAD_START),
    notAfter: new Date(end),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map(generalName)),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { key: await keyPem(keys), cert: `${certificate.toString('pem')}\n` };
}

const newKeys = () => webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);

const keyPem = async ({ privateKey }: webcrypto.CryptoKeyPair) =>
  KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;

const generalName = (value: string): JsonGeneralName => ({ type: isIP(value) ? 'ip' : 'dns', value });

function canonicalName(name: string): string {
  const canonical = isIP(name) ? name : domainToASCII(name);
  if (canonical !== '') return canonical;
  throw new EdgeRunnerError(
    'option-invalid',
    `"${name}" is no name that a certificate could be made for.`,
    'Give a host name or an address, without scheme and port.',
  );
}

function readGiven(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw badFile(
      `${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}.`,
      'Give the path of a file that this user may read.',
    );
  }
}

function parsed<Result>(parse: () => Result, path: string, what: string): Result {
  try {
    return parse();
  } catch {
    throw badFile(`${path} is not a ${what}.`, 'Convert it with openssl, or let the server make its own.');
  }
}

const badFile = (what: string, remedy: string) => new EdgeRunnerError('option-invalid', what, remedy);

const authorityDamaged = (path: string) =>
  new EdgeRunnerError(
    'data-unusable',
    `${path}, the authority of this server's certificates, is damaged.`,
    'Bring it back from a copy; or delete it, and give all who pinned or installed it the new one.',
  );
