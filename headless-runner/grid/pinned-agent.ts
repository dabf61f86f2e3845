import { createHash, X509Certificate } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** A server that does not answer for this long is taken as not there, milliseconds. */
const SILENCE = 15_000;

export interface ServerAddress {
  url: URL;
  /** `sha256:` and the hexadecimal digest of the server's authority; null to trust whom this machine trusts. */
  pin: string | null;
  /** This client's own certificate and its key, PEM, for a server that asks for them. */
  cert: string | null;
  key: string | null;
}

/**
 * The agent with which node's `request`, and `ws`, reach a server. Over TLS the server is met once before: nothing is
 * sent to it, this client's certificate neither, and whoever is not the pinned one is refused here, in words.
 * @throws {EdgeRunnerError} `certificate-unknown`, `server-unreachable`, `option-invalid` for what is no fingerprint.
 */
export async function serverAgent({ url, pin, cert, key }: ServerAddress): Promise<HttpAgent> {
  if (pin !== null && !FINGERPRINT.test(pin))
    throw new EdgeRunnerError(
      'option-invalid',
      `"${pin}" is no fingerprint of a certificate.`,
      'Give it as the server prints it: sha256: and 64 digits.',
    );
  if (url.protocol === 'http:') {
    if (pin === null) return new HttpAgent({ keepAlive: true });
    throw new EdgeRunnerError(
      'option-invalid',
      `${url.origin} shows no certificate that a fingerprint could be compared with.`,
      'Begin the address with https://, or leave the fingerprint out.',
    );
  }
  const ca = pin === null ? undefined : await pinnedAuthority(url, pin.toLowerCase());
  const { refusal, peer } = await meet(url, ca);
  if (refusal !== null) throw unknown(url, pin, refusal, peer);
  return new HttpsAgent({ keepAlive: true, ca, cert: cert ?? undefined, key: key ?? undefined });
}

const FINGERPRINT = /^sha256:[0-9a-f]{64}$/i;

/** The certificate with that fingerprint, PEM, out of what the server shows; whether it signed the rest is not asked. */
async function pinnedAuthority(url: URL, pin: string): Promise<string> {
  const { peer } = await meet(url, undefined);
  const chain = chainOf(peer);
  // Only an authority: a server's own certificate is made anew every year, and would be missed then.
  const pinned = chain.find((one) => one.ca && fingerprintOf(one) === pin);
  if (pinned) return pinned.toString();
  throw new EdgeRunnerError(
    'certificate-unknown',
    `${url.host} shows the certificate of ${short(fingerprintOf(chain.at(-1)!))}…, not of ${short(pin)}….`,
    'Compare with what the server printed at its start. If that is what you gave, someone else answers there.',
  );
}

interface Meeting {
  peer: DetailedPeerCertificate;
  /** Why this server is not to be trusted, as a code of OpenSSL's or Node's; null when it is. */
  refusal: string | null;
}

/** Shakes hands and leaves. Not refused by the handshake itself, which would not say by whose certificate. */
function meet(url: URL, ca: string | undefined): Promise<Meeting> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(url.port || 443),
      // An address is no server name (RFC 6066 3).
      servername: isIP(host) ? '' : host,
      ca,
      rejectUnauthorized: false,
      timeout: SILENCE,
    });
    socket.on('secureConnect', () => {
      resolve({
        peer: socket.getPeerCertificate(true),
        refusal: socket.authorized ? null : String(socket.authorizationError),
      });
      socket.destroy();
    });
    socket.on('timeout', () => socket.destroy(new Error(`nothing came for ${SILENCE / 1000} s`)));
    socket.on('error', (error) => reject(unreachable(url, error)));
  });
}

/** From the server's own certificate up to the root, as far as it shows them. */
function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const seen = new Set<DetailedPeerCertificate>();
  // A root is its own issuer.
  for (let at = peer; at && !seen.has(at); at = at.issuerCertificate) seen.add(at);
  return [...seen].map(({ raw }) => new X509Certificate(raw));
}

const fingerprintOf = ({ raw }: X509Certificate) =>
  `sha256:${createHash('sha256').update(raw).digest('hex')}`;

const short = (fingerprint: string) => fingerprint.slice(0, 'sha256:'.length + 16);

function unknown(
  url: URL,
  pin: string | null,
  refusal: string,
  peer: DetailedPeerCertificate,
): EdgeRunnerError {
  const refuse = (what: string, remedy: string) => new EdgeRunnerError('certificate-unknown', what, remedy);
  switch (refusal) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return refuse(
        `The certificate of ${url.host} is for other names: ${peer.subjectaltname ?? 'none'}.`,
        'Reach the server by one of these, or have its operator add this one.',
      );
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return refuse(
        `The certificate of ${url.host} is valid from ${peer.valid_from} to ${peer.valid_to}.`,
        'Look at the clock of this machine, then have the server started anew: it renews its certificate.',
      );
    default:
      return refuse(
        pin === null
          ? `${url.host} shows a certificate that nobody whom this machine trusts has signed (${refusal}).`
          : `${url.host} shows a certificate that ${short(pin)}… has not signed (${refusal}).`,
        pin === null
          ? 'Give the fingerprint that the server printed at its start.'
          : 'Someone else may answer there: ask the operator of the server.',
      );
  }
}

function unreachable(url: URL, error: NodeJS.ErrnoException): EdgeRunnerError {
  const words: Record<string, string> = {
    ENOTFOUND: 'no machine of that name is found from here',
    ECONNREFUSED: 'nothing answers there',
    ECONNRESET: 'the connection broke off',
    EPROTO: 'what answers there does not speak TLS',
    ERR_SSL_WRONG_VERSION_NUMBER: 'what answers there does not speak TLS',
  };
  return new EdgeRunnerError(
    'server-unreachable',
    `${url.origin} cannot be reached: ${words[error.code ?? ''] ?? (error.message || error.code)}.`,
    'Check the address, and that the server runs and is reached from this machine.',
    { cause: error },
  );
}
