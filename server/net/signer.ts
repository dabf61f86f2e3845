import { createHmac, timingSafeEqual } from 'node:crypto';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** Signs what an address stands for, so that whoever has it may do that one thing, for a while, and nothing else. */
export class Signer {
  readonly #secret: string;

  /** @param secret shared by all servers on one database. */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** @param about what kind of thing it is: what was signed for one is worth nothing for another. */
  sign(about: string, payload: object, ttlMs: number): string {
    const body = Buffer.from(JSON.stringify({ ...payload, exp: Date.now() + ttlMs })).toString('base64url');
    return `${body}.${this.#mac(about, body)}`;
  }

  /** @throws {EdgeRunnerError} `signature-invalid` when forged, tampered with or too old. */
  verify<Payload extends object>(about: string, signed: string): Payload {
    const [body = '', mac = '', ...more] = signed.split('.');
    const [given, own] = [Buffer.from(mac), Buffer.from(this.#mac(about, body))];
    if (more.length > 0 || given.length !== own.length || !timingSafeEqual(given, own))
      throw refused('This address was not made by this server.');
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as Payload & { exp: number };
    if (payload.exp < Date.now()) throw refused('This address has ended.');
    return payload;
  }

  #mac(about: string, body: string): string {
    return createHmac('sha256', this.#secret).update(`${about}\n${body}`).digest('base64url');
  }
}

const refused = (what: string) =>
  new EdgeRunnerError(
    'signature-invalid',
    what,
    'Ask for a new one: renew the lease, or show the job again.',
  );
