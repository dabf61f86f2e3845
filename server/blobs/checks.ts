import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { EdgeRunnerError, PART_BYTES } from '../../protocol/index.ts';
import type { Part } from './store.ts';

/** Parts of one file, at most: what S3 takes. */
export const MOST_PARTS = 10_000;

/** Words that no file system and no S3 takes for anything but a name. @throws {EdgeRunnerError} `engine-fault` */
export function checkKey(key: string): void {
  if (key.length <= 512 && /^[A-Za-z0-9_-]{1,128}(\/[A-Za-z0-9_-]{1,128})*$/.test(key)) return;
  throw new EdgeRunnerError(
    'engine-fault',
    `${JSON.stringify(key)} is no key of a file.`,
    'Please report this.',
  );
}

/** @throws {EdgeRunnerError} `request-invalid` */
export function checkPart({ index, bytes, sha256 }: Part): void {
  const fits = Number.isInteger(index) && index >= 0 && index < MOST_PARTS;
  if (fits && Number.isInteger(bytes) && bytes >= 0 && bytes <= PART_BYTES && /^[0-9a-f]{64}$/.test(sha256))
    return;
  throw new EdgeRunnerError(
    'request-invalid',
    `Part ${index} of ${bytes} bytes is none that can be kept.`,
    `A file has ${MOST_PARTS} parts at most, of ${PART_BYTES} bytes each, the last of fewer; digests are SHA-256 in hex.`,
  );
}

/**
 * What reading across parts builds on: none left out, and all but the last of one length. An empty file has one part.
 * @returns bytes in all.
 * @throws {EdgeRunnerError} `request-invalid`
 */
export function checkParts(parts: readonly Part[]): number {
  if (parts.length === 0)
    throw new EdgeRunnerError(
      'request-invalid',
      'A file has no parts.',
      'An empty file has one of no bytes.',
    );
  for (const [place, part] of parts.entries()) {
    checkPart(part);
    if (part.index === place && (part.bytes === PART_BYTES || place === parts.length - 1)) continue;
    throw new EdgeRunnerError(
      'request-invalid',
      `Part ${part.index} of ${part.bytes} bytes is not the one at place ${place} of ${parts.length}.`,
      `Name the parts in order; all but the last are ${PART_BYTES} bytes.`,
    );
  }
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @throws {EdgeRunnerError} `request-invalid` where `[start, end)` is not within a file of so many bytes. */
export function checkRange(start: number, end: number, bytes: number): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= bytes)
    return;
  throw new EdgeRunnerError(
    'request-invalid',
    `Bytes ${start} to ${end} are not within the file.`,
    'Ask for its length first.',
  );
}

/** Whether a file on this machine is, byte for byte, what was kept of it earlier. */
export async function isSame(
  path: string,
  kept: { bytes: number; read(): Promise<Readable> },
): Promise<boolean> {
  if ((await stat(path)).size !== kept.bytes) return false;
  const [own, other] = await Promise.all([digestOf(createReadStream(path)), kept.read().then(digestOf)]);
  return own === other;
}

async function digestOf(body: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

export const mismatch = (what: string, cause?: unknown) =>
  new EdgeRunnerError('digest-mismatch', what, 'Send it again, whole and unchanged.', { cause });

export const missing = (key: string, { index }: Part) =>
  mismatch(`Part ${index} of ${key} is not there as it was promised.`);

export const conflict = (what: string) =>
  new EdgeRunnerError('conflict', what, 'What is written stays: send other bytes under a new attempt.');

export const notFound = (key: string) =>
  new EdgeRunnerError('not-found', `There is no file ${key}.`, 'It was never completed, or it was removed.');
