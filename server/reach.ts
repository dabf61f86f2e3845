import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { isLoopback, type Listening } from './net/listen-options.ts';
import { serverNames } from './net/tls.ts';

/** How this server is reached from elsewhere. */
export class Reach {
  readonly secure: boolean;
  readonly pin: string | null;
  /** Of the authority that made the certificate, PEM, where that is our own. */
  readonly ca: string | null;
  readonly #host: string;
  readonly #names: readonly string[];
  /** Known once it listens. */
  port = 0;

  /** @param names that it goes by, besides those of the machine. */
  constructor({ tls, pin, ca }: Listening, host: string, names: readonly string[]) {
    this.secure = tls !== null;
    this.pin = pin;
    this.ca = ca;
    this.#host = host;
    this.#names = names;
  }

  /** Whether only its own machine reaches it. */
  get local(): boolean {
    return isLoopback(this.#host);
  }

  /** Hexadecimal sha256 of the authority's file. */
  get caSha256(): string | null {
    return this.ca && createHash('sha256').update(this.ca).digest('hex');
  }

  /** Addresses that others may reach it by, the likeliest first. */
  get addresses(): string[] {
    // What else this machine is called leads to where nobody listens.
    const known = this.local ? [this.#host] : [...this.#names, ...serverNames(this.#host)];
    const all = known.filter((name) => this.local || this.#names.includes(name) || !isLoopback(name));
    // Numbers work where no name server knows the machine's name.
    const likely = [
      ...all.filter((name) => this.#names.includes(name)),
      ...all.filter((name) => /^\d+\./.test(name)),
      ...all,
    ];
    const scheme = this.secure ? 'https' : 'http';
    return [...new Set(likely)].map(
      (name) => new URL(`${scheme}://${isIPv6(name) ? `[${name}]` : name}:${this.port}`).origin,
    );
  }
}
