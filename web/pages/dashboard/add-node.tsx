import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { renderSVG } from 'uqr';
import type { ErrorRecord, MintedToken, ServerView } from '../../../protocol/index.ts';
import { TRUSTS, type Trust } from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { Copyable, Refusal } from './parts.tsx';
import { attempt, session } from './session.ts';

/** Seconds that a token made here is good for: long enough to walk over to the machine. */
const GOOD_FOR = 24 * 3600;

/** Ways to make another machine, or a browser, a node: each a line or a link with a fresh token in it. */
export function AddNode() {
  const server = useSignal<ServerView | null>(null);
  const error = useSignal<ErrorRecord | null>(null);
  const made = useSignal<MintedToken | null>(null);
  const trust = useSignal<Trust>('untrusted');
  const address = useSignal(location.origin);
  useEffect(() => {
    void attempt(async () => {
      server.value = await ask<ServerView>('GET', '/v1/server');
      // On this machine people open it by a name that means nothing elsewhere.
      if (isLocal(location.hostname)) address.value = server.value.addresses[0] ?? location.origin;
    }).then((thrown) => {
      error.value = thrown;
    });
  }, []);
  if (session.value?.scope !== 'admin') return <p>Whoever administers this server can add nodes.</p>;
  const make = async (event: Event) => {
    event.preventDefault();
    error.value = await attempt(async () => {
      made.value = await ask<MintedToken>('POST', '/v1/tokens', {
        ...{ name: 'nodes', scope: 'enrol', expiresIn: GOOD_FOR, trust: trust.value },
      });
    });
  };
  return (
    <div class="stack">
      {error.value && <Refusal error={error.value} />}
      {server.value?.local && (
        <p class="notice">
          This server listens on its own machine only, so that only nodes on this machine reach it. For others
          start it with <code>--host 0.0.0.0</code>; it then speaks TLS.
        </p>
      )}
      <form class="card row" onSubmit={make}>
        <label class="row">
          <span>Trust</span>
          <select
            value={trust.value}
            onChange={({ currentTarget }) => {
              trust.value = currentTarget.value as Trust;
            }}
          >
            {TRUSTS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        {server.value && server.value.addresses.length > 1 && (
          <label class="row">
            <span>They reach it by</span>
            <select
              value={address.value}
              onChange={({ currentTarget }) => {
                address.value = currentTarget.value;
              }}
            >
              {[...new Set([location.origin, ...server.value.addresses])].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        )}
        <button type="submit" class="main">
          {made.value ? 'Make another token' : 'Show how'}
        </button>
        <span class="quiet">
          With a token that is good for a day. Trusted nodes get jobs that are marked so.
        </span>
      </form>
      {made.value && server.value && (
        <Ways token={made.value.token} address={address.value} server={server.value} />
      )}
    </div>
  );
}

const isLocal = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');

function Ways({ token, address, server }: { token: string; address: string; server: ServerView }) {
  const link = `${address}/contribute/#token=${token}`;
  return (
    <>
      <section class="card stack tight" aria-labelledby="tab">
        <h3 id="tab">A browser, also a phone's</h3>
        <p>Open this link there. It works for as long as the tab is open.</p>
        <Copyable text={link} label="link for a browser" />
        <div class="row">
          <QrCode text={link} label="The link as a QR code" />
          {server.pin && (
            <div class="stack tight phone">
              <p>
                This server's certificate is its own. A phone trusts it once its authority is installed: fetch{' '}
                <a href="/ca.pem">{address}/ca.pem</a> on the phone (it warns, once), then
              </p>
              <ul>
                <li>
                  iPhone and iPad: allow the profile in Settings, and switch it on under General, About,
                  Certificate Trust Settings.
                </li>
                <li>
                  Android: Settings, Security, Encryption and credentials, Install a certificate, CA
                  certificate.
                </li>
                <li>Mac and Windows: open the file, and trust it for websites (Keychain, Trusted Root).</li>
              </ul>
              <p>
                Its fingerprint: <code class="wrap">{server.pin}</code>
              </p>
            </div>
          )}
        </div>
      </section>
      <section class="card stack tight" aria-labelledby="machine">
        <h3 id="machine">A machine, as a service</h3>
        <p>
          Linux and macOS, with Node 20.19 or later: installs edge-runner of this very build, starts it now
          and whenever the machine starts.
        </p>
        <Copyable text={installLine(address, token, server)} label="line that installs a service" />
      </section>
      <section class="card stack tight" aria-labelledby="by-hand">
        <h3 id="by-hand">A machine that has edge-runner</h3>
        <Copyable text={joinLine(address, token, server)} label="line that joins" />
      </section>
    </>
  );
}

/** The token goes in by the environment: what stands on a command line everybody on the machine can see. */
const joinLine = (address: string, token: string, { pin }: ServerView): string =>
  `EDGE_RUNNER_TOKEN=${token} npx edge-runner join ${address}${pin ? ` --pin ${pin}` : ''}`;

/** With a certificate of our own the authority comes first, and is what the page says it is before it is believed. */
function installLine(address: string, token: string, { pin, caSha256 }: ServerView): string {
  const [trust, check] = pin
    ? [
        '--cacert edge-runner-ca.pem ',
        `curl -fsSk ${address}/ca.pem -o edge-runner-ca.pem && echo "${caSha256}  edge-runner-ca.pem" | { shasum -a 256 -c 2>/dev/null || sha256sum -c; } && `,
      ]
    : ['', ''];
  const environment = `EDGE_RUNNER_TOKEN=${token}${pin ? ' EDGE_RUNNER_CA=edge-runner-ca.pem' : ''}`;
  return `${check}curl -fsS ${trust}${address}/install.sh | ${environment} sh`;
}

const QrCode = ({ text, label }: { text: string; label: string }) => (
  <div
    class="qr"
    role="img"
    aria-label={label}
    dangerouslySetInnerHTML={{ __html: renderSVG(text, { border: 2 }) }}
  />
);
