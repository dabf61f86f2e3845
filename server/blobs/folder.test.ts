import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import {
  access,
  constants,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  utimes,
  watch,
  writeFile,
} from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FolderBlobStore } from './folder.ts';
import type { Part } from './store.ts';

let root: string;
let store: FolderBlobStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'edge-runner-folder-'));
  store = await FolderBlobStore.open(root);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const partOf = (bytes: Uint8Array, index = 0): Part => ({
  index,
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

/** Files and empty folders below a folder. */
const below = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || readdirSync(join(entry.parentPath, entry.name)).length === 0)
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

/** What of a write is still there, but for the folder that each open store has. */
const leftovers = () => below(join(root, '.incoming')).filter((path) => path.includes('/'));

/** When the store that each test has begins to write. */
async function beginning(): Promise<void> {
  const [own] = readdirSync(join(root, '.incoming'));
  for await (const _ of watch(join(root, '.incoming', own!))) return;
}

const kept = () => below(root).filter((path) => !path.startsWith('.incoming'));

it('a part lies where it came, as it came, before and after its file is complete', async () => {
  const bytes = Buffer.from('as it came');
  const part = partOf(bytes);
  await store.writePart('jobs/j_1/a_1/o', part, Readable.from([bytes]));
  const path = join(root, 'jobs/j_1/a_1/o/part.0', part.sha256);
  const { ino } = statSync(path);
  await store.complete('jobs/j_1/a_1/o', [part]);
  expect(await readFile(path)).toEqual(bytes);
  expect(statSync(path).ino).toBe(ino);
  expect(leftovers()).toEqual([]);
});

it.each([
  ['longer', Buffer.from('part and more'), 'digest-mismatch'],
  ['shorter', Buffer.from('par'), 'digest-mismatch'],
  ['other', Buffer.from('trap'), 'digest-mismatch'],
])('a part with %s bytes than promised is refused, and nothing of it stays', async (_, bytes, code) => {
  const writing = store.writePart(
    'k',
    partOf(Buffer.from('part')),
    Readable.from([bytes.subarray(0, 2), bytes.subarray(2)]),
  );
  await expect(writing).rejects.toMatchObject({ code });
  expect(below(root).filter((path) => path.includes('k/'))).toEqual([]);
  expect(leftovers()).toEqual([]);
});

it('a sender that breaks off leaves nothing, and one that sends too much is told so', async () => {
  const part = partOf(Buffer.alloc(1 << 20));
  const ends: Promise<void>[] = [];
  const receiver = createServer((req, res) => {
    const end = store.writePart('k', part, req);
    ends.push(end);
    end.catch(({ code }) => res.writeHead(400).end(code));
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  const put = (length: number) =>
    request({ port, host: '127.0.0.1', method: 'PUT', headers: { 'content-length': length } });
  try {
    const breaking = put(1 << 20);
    breaking.on('error', () => {});
    const begun = beginning();
    breaking.write(Buffer.alloc(100_000));
    await begun;
    expect(leftovers()).toHaveLength(1);
    breaking.destroy();
    await expect(ends[0]).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect([...kept(), ...leftovers()]).toEqual([]);

    const sending = put((1 << 20) + 1);
    sending.end(Buffer.alloc((1 << 20) + 1));
    const [response] = await once(sending, 'response');
    expect(`${await response.toArray()}`).toBe('digest-mismatch');
    expect([...kept(), ...leftovers()]).toEqual([]);
  } finally {
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  }
});

it('a sender waits for the disk', async () => {
  const body = new PassThrough();
  const bytes = randomBytes(3 << 20);
  const writing = store.writePart('k', partOf(bytes), body);
  for (let at = 0; at < bytes.length; at += 1 << 16)
    if (!body.write(bytes.subarray(at, at + (1 << 16)))) await once(body, 'drain');
  body.end();
  await writing;
  expect(body.readableLength).toBe(0);
});

it('of writers that come at once with different bytes one wins, whole', async () => {
  const other = await FolderBlobStore.open(root);
  for (let round = 0; round < 20; round++) {
    const tries = Array.from({ length: 6 }, () => randomBytes(1000));
    const ends = await Promise.allSettled(
      tries.map((bytes, index) =>
        (index % 2 ? store : other).writePart(`race/r_${round}`, partOf(bytes), Readable.from([bytes])),
      ),
    );
    const won = tries.filter((_, index) => ends[index]!.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'conflict' });
    await store.complete(`race/r_${round}`, [partOf(won[0]!)]);
  }
  await other.close();
  expect(leftovers()).toEqual([]);
});

it('what a server that is no more was writing is removed, and what one writes now is not', async () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  const host = encodeURIComponent(hostname());
  const body = new PassThrough();
  const bytes = Buffer.from('in the midst');
  const begun = beginning();
  const writing = store.writePart('k', partOf(bytes), body);
  body.write(bytes.subarray(0, 5));
  await begun;
  expect(leftovers()).toHaveLength(1);
  const names = {
    crashed: `${host}.${pid}.000000000000`,
    restarted: `${host}.${process.pid}.000000000000`,
    elsewhere: 'another.1.000000000000',
    longGone: 'another.1.111111111111',
  };
  for (const name of Object.values(names)) {
    await mkdir(join(root, '.incoming', name, 'work'), { recursive: true });
    await writeFile(join(root, '.incoming', name, 'work', 'half'), 'half');
  }
  const longAgo = Date.now() / 1000 - 100_000;
  await utimes(join(root, '.incoming', names.longGone), longAgo, longAgo);

  await (await FolderBlobStore.open(root)).close();

  expect(Object.values(names).filter((name) => existsSync(join(root, '.incoming', name)))).toEqual([
    names.elsewhere,
  ]);
  body.end(bytes.subarray(5));
  await writing;
  expect(kept()).toHaveLength(1);
});

/** A disk of one mebibyte; null where this process may make none. */
const smallDisk = ((): string | null => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  if (status === 0) return folder;
  rmSync(folder, { recursive: true });
  return null;
})();

it.runIf(smallDisk)('a full disk is said, and what did not fit is not left on it', async () => {
  const onSmall = await FolderBlobStore.open(smallDisk!);
  try {
    const bytes = randomBytes(2 << 20);
    const full = { code: 'disk-full' };
    await expect(onSmall.writePart('k', partOf(bytes), Readable.from([bytes]))).rejects.toMatchObject(full);
    const path = join(root, 'big');
    await writeFile(path, bytes);
    await expect(onSmall.adopt('k', path)).rejects.toMatchObject(full);
    expect(existsSync(path)).toBe(true);
    const fits = randomBytes(900_000);
    await onSmall.writePart('k', partOf(fits), Readable.from([fits]));
    await onSmall.complete('k', [partOf(fits)]);
    expect(await onSmall.size('k')).toBe(900_000);
  } finally {
    await onSmall.close();
    execFileSync('umount', [smallDisk!]);
    rmSync(smallDisk!, { recursive: true });
  }
});

it('a quota that is used up is said like a full disk', async () => {
  const handle = await open(join(root, 'any'), 'w');
  const used = Object.assign(new Error('EDQUOT: disk quota exceeded, write'), { code: 'EDQUOT' });
  vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'write').mockRejectedValueOnce(used);
  await handle.close();
  const bytes = Buffer.from('too much');
  const writing = store.writePart('k', partOf(bytes), Readable.from([bytes]));
  await expect(writing).rejects.toMatchObject({ code: 'disk-full' });
  expect(leftovers()).toEqual([]);
  await store.writePart('k', partOf(bytes), Readable.from([bytes]));
});

const otherDisk = await access('/dev/shm', constants.W_OK).then(
  () => statSync('/dev/shm').dev !== statSync(tmpdir()).dev,
  () => false,
);

it.runIf(otherDisk)('a file on another disk is taken over by a copy', async () => {
  const folder = await mkdtemp('/dev/shm/edge-runner-');
  const bytes = randomBytes(100_000);
  await writeFile(join(folder, 'far'), bytes);
  await store.adopt('uploads/u_1', join(folder, 'far'));
  expect(readdirSync(folder)).toEqual([]);
  await rm(folder, { recursive: true });
  const body = await store.read('uploads/u_1', 0, 100_000);
  expect(Buffer.concat(await body.toArray()).equals(bytes)).toBe(true);
});

it('a file whose taking over was cut short is taken over by the next try', async () => {
  const path = join(root, 'upload');
  await writeFile(path, 'uploaded');
  await store.adopt('uploads/u_1', path);
  // As it was before the mark was set and the name was gone.
  await rm(join(root, 'uploads/u_1/complete.mark'), { recursive: true });
  await writeFile(path, 'uploaded');
  await store.adopt('uploads/u_1', path);
  expect(await store.size('uploads/u_1')).toBe(8);
  expect(existsSync(path)).toBe(false);
});

it('a folder that cannot be one is refused', async () => {
  await writeFile(join(root, 'file'), '');
  const refused = { code: 'data-unusable', exitCode: 3 };
  await expect(FolderBlobStore.open(join(root, 'file', 'blobs'))).rejects.toMatchObject(refused);
});

it('a store that is closed leaves only files that were sent', async () => {
  const bytes = Buffer.from('sent');
  await store.writePart('k', partOf(bytes), Readable.from([bytes]));
  await store.close();
  expect(below(root)).toEqual([join('k/part.0', partOf(bytes).sha256), '.incoming'].sort());
});
