import { createHash, randomBytes, randomInt } from 'node:crypto';
import type { Scope } from '../../protocol/index.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 20;

export type IdPrefix = 'te' | 'to' | 'n' | 'u' | 'j' | 't' | 'a' | 'b' | 's' | 'v';

/** A name of a row: 103 random bits that nobody keeps secret. */
export const newId = (prefix: IdPrefix): string =>
  `${prefix}_${Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('')}`;

/** 192 random bits: whoever knows them holds the lease. */
export const newLease = (): string => randomBytes(24).toString('base64url');

/** 32 random bytes behind a prefix that says what they open, so that a leaked one is known for what it is. */
export const newSecret = (kind: Scope | 'node' | 'login'): string =>
  `er_${kind}_${randomBytes(32).toString('base64url')}`;

/** What is kept of a secret. 256 random bits need no salt and no slow hash. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
