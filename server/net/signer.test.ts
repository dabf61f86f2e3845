import { describe, expect, it } from 'vitest';
import { Signer } from './signer.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const refused = expect.objectContaining({ code: 'signature-invalid' });

describe('a signed address', () => {
  const signer = new Signer('a secret');
  const payload = { attempt: 'a_1', source: 'in' };
  const signed = signer.sign('source', payload, 60_000);

  it('is what was signed, to every server that shares the secret', () => {
    expect(new Signer('a secret').verify('source', signed)).toMatchObject(payload);
  });

  it('is refused when any letter of it is another, or is missing, or one more is there', () => {
    for (let at = 0; at < signed.length; at++) {
      const other = LETTERS[(LETTERS.indexOf(signed[at]!) + 32) % LETTERS.length]!;
      expect(() => signer.verify('source', signed.slice(0, at) + other + signed.slice(at + 1))).toThrow(
        refused,
      );
      expect(() => signer.verify('source', signed.slice(0, at) + signed.slice(at + 1))).toThrow(refused);
    }
    for (const more of ['A', '.', '.A', `.${signed}`])
      expect(() => signer.verify('source', signed + more)).toThrow(refused);
  });

  it('is refused for anything else than it was signed for, and with another secret', () => {
    expect(() => signer.verify('part', signed)).toThrow(refused);
    expect(() => new Signer('another').verify('source', signed)).toThrow(refused);
  });

  it('is refused when it says of itself that it is good for longer', () => {
    const [body, mac] = signer.sign('source', payload, -1).split('.');
    const told = JSON.parse(Buffer.from(body!, 'base64url').toString()) as object;
    const longer = Buffer.from(JSON.stringify({ ...told, exp: Date.now() + 60_000 })).toString('base64url');
    expect(() => signer.verify('source', `${longer}.${mac}`)).toThrow(refused);
  });

  it('ends', () => {
    expect(() => signer.verify('source', signer.sign('source', payload, -1))).toThrow(/has ended/);
  });
});
