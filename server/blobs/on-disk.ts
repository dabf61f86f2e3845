import { createHash } from 'node:crypto';
import { copyFile, type FileHandle, link, mkdir, open, readdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { mismatch } from './checks.ts';
import type { Part } from './store.ts';

/**
 * Gives a folder that holds one thing its place. No system renames a folder over one that holds something, so that of
 * two that come at once one stays as it is.
 * @returns false where something is there already.
 */
export async function placeOnce(folder: string, place: string): Promise<boolean> {
  await mkdir(dirname(place), { recursive: true, mode: 0o700 });
  try {
    await rename(folder, place);
    return true;
  } catch (error) {
    // What systems say of it differs; that it is there is what counts.
    if ((await entryOf(place)) === null) throw error;
    return false;
  }
}

/** The name of the one thing in a folder, but for what network disks and desktops leave beside it. */
export const entryOf = async (folder: string): Promise<string | null> =>
  (await readdir(folder).catch(unlessAbsent))?.find((name) => !name.startsWith('.')) ?? null;

/** Writes a part as it comes in, a chunk at a time. @throws {EdgeRunnerError} `digest-mismatch` */
export async function writeChecked(path: string, part: Part, body: Readable): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of received(body, part)) {
      bytes += chunk.length;
      if (bytes > part.bytes) throw mismatch(`Part ${part.index} is longer than ${part.bytes} bytes.`);
      hash.update(chunk);
      await writeAll(file, chunk);
    }
    if (bytes < part.bytes) throw mismatch(`Part ${part.index} has ${bytes} bytes, not ${part.bytes}.`);
    if (hash.digest('hex') !== part.sha256)
      throw mismatch(`Part ${part.index} has another digest than promised.`);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

/** Leaves the sender's connection open when the part is refused, for the answer that says so. */
async function* received(body: Readable, part: Part): AsyncGenerator<Buffer> {
  try {
    yield* body.iterator({ destroyOnReturn: false });
  } catch (error) {
    throw mismatch(`The sender of part ${part.index} broke off.`, error);
  }
}

/** A nearly full disk may take only a part of what it is given; the next write names the reason. */
async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten;
}

/** A second name costs nothing; a copy is made where the file is on another disk, or the disk knows no second names. */
export async function takeOver(path: string, target: string): Promise<void> {
  try {
    await link(path, target);
  } catch {
    await copyFile(path, target);
  }
  const file = await open(target, 'r+');
  await file.sync().finally(() => file.close());
  await syncFolder(dirname(target));
}

/** Names are on the disk only when their folder is; where folders cannot be synced (Windows), they are anyway. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

export function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}
