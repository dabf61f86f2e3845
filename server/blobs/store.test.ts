import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdgeRunnerError, PART_BYTES } from '../../protocol/index.ts';
import type { BlobStore, Part } from './store.ts';
import { folderPlace, type Place, s3Place } from './testing-places.ts';

const source = randomBytes(2 * PART_BYTES + 12_345);
const partOf = (bytes: Uint8Array, index: number): Part => ({
  index,
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});
const pieces = [0, 1, 2].map((index) => source.subarray(index * PART_BYTES, (index + 1) * PART_BYTES));
const parts = pieces.map(partOf);

async function bytesOf(store: BlobStore, key: string, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.read(key, start, end)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe.each([
  { name: 'a folder', openPlace: folderPlace },
  { name: 'S3', openPlace: s3Place },
])('files in $name', ({ openPlace }) => {
  let place: Place;
  let store: BlobStore;
  let other: BlobStore;
  let folder: string;

  beforeAll(async () => {
    place = await openPlace();
    [store, other] = [await place.open(), await place.open()];
    folder = await mkdtemp(join(tmpdir(), 'edge-runner-adopted-'));
  });

  afterAll(async () => {
    await Promise.all([store, other].map((one) => one.close()));
    await place.close();
    await rm(folder, { recursive: true });
  });

  async function send(key: string, part: Part, bytes: Uint8Array<ArrayBuffer>, via = store): Promise<void> {
    const { url, headers } = await place.target(via, key, part);
    const response = await fetch(url, { method: 'PUT', headers, body: bytes });
    const text = await response.text();
    if (!response.ok) throw EdgeRunnerError.fromRecord(JSON.parse(text));
  }

  const sendAll = (key: string) =>
    Promise.all([2, 0, 1].map((index) => send(key, parts[index]!, pieces[index]!)));

  /** A file of one small part. */
  async function put(key: string, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    await send(key, partOf(bytes, 0), bytes);
    await store.complete(key, [partOf(bytes, 0)]);
  }

  async function localFile(bytes: number): Promise<string> {
    const path = join(folder, randomBytes(6).toString('hex'));
    await writeFile(path, '');
    await truncate(path, bytes);
    return path;
  }

  it('come in parts, in any order and at once, and are read in any range', async () => {
    const key = 'jobs/j_1/a_1/whole';
    await sendAll(key);
    await store.complete(key, parts);
    expect(await store.size(key)).toBe(source.length);
    for (const [start, end] of [
      ...[[0, source.length] as const, [1, 2] as const, [PART_BYTES - 1, PART_BYTES + 1] as const],
      ...[[PART_BYTES, PART_BYTES] as const, [PART_BYTES, 2 * PART_BYTES] as const],
      ...[[PART_BYTES - 7, 2 * PART_BYTES + 7] as const, [source.length - 1, source.length] as const],
    ]) {
      const read = await bytesOf(store, key, start, end);
      expect(read.equals(source.subarray(start, end)), `${start} to ${end}`).toBe(true);
    }
  });

  it('are not read outside of what they have', async () => {
    await put('ranges/r', 'four');
    for (const [start, end] of [[-1, 2] as const, [3, 2] as const, [2, 5] as const, [7, 9] as const])
      await expect(store.read('ranges/r', start, end)).rejects.toMatchObject({ code: 'request-invalid' });
  });

  it('keep the first of two parts under one index', async () => {
    const key = 'jobs/j_1/a_1/twice';
    const [bytes, others] = [Buffer.from('the first'), Buffer.from('no second')];
    await send(key, partOf(bytes, 0), bytes);
    await expect(send(key, partOf(others, 0), others)).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.complete(key, [partOf(others, 0)])).rejects.toMatchObject({ code: 'digest-mismatch' });
    await store.complete(key, [partOf(bytes, 0)]);
    expect(`${await bytesOf(store, key, 0, 9)}`).toBe('the first');
  });

  it('take the same part again, as a node sends it whose answer was lost', async () => {
    const bytes = Buffer.from('again');
    await send('again/a', partOf(bytes, 0), bytes);
    await put('again/a', 'again');
    expect(await store.size('again/a')).toBe(5);
  });

  it('never have other bytes than were promised', async () => {
    const bytes = Buffer.from('promised');
    const part = partOf(bytes, 0);
    const kept = send('promises/p', part, Buffer.from('PROMISED')).then(() =>
      store.complete('promises/p', [part]),
    );
    await expect(kept).rejects.toMatchObject({ code: 'digest-mismatch' });
    await expect(store.size('promises/p')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('have nothing of a sender that broke off, and take all of one that begins again', async () => {
    const key = 'jobs/j_1/a_1/broken';
    const { url, headers } = await place.target(store, key, parts[0]!);
    const sending = request(url, { method: 'PUT', headers: { ...headers, 'content-length': PART_BYTES } });
    sending.on('error', () => {});
    const closed = new Promise((resolve) => sending.once('close', resolve));
    await new Promise((resolve) => sending.write(pieces[0]!.subarray(0, 1 << 20), resolve));
    sending.destroy();
    await closed;
    const only = [parts[0]!];
    await expect(store.complete(key, only)).rejects.toMatchObject({ code: 'digest-mismatch' });
    await send(key, parts[0]!, pieces[0]!);
    await store.complete(key, only);
    expect((await bytesOf(store, key, 0, PART_BYTES)).equals(pieces[0]!)).toBe(true);
  });

  it('are not complete while a part is missing', async () => {
    const key = 'jobs/j_1/a_1/gap';
    await Promise.all([0, 2].map((index) => send(key, parts[index]!, pieces[index]!)));
    await expect(store.complete(key, parts)).rejects.toMatchObject({ code: 'digest-mismatch' });
    await expect(store.read(key, 0, 1)).rejects.toMatchObject({ code: 'not-found' });
    await expect(store.complete('never/sent', [parts[0]!])).rejects.toMatchObject({
      code: 'digest-mismatch',
    });
    const short = [{ ...parts[0]!, bytes: 5 }, parts[1]!];
    await expect(store.complete(key, short)).rejects.toMatchObject({ code: 'request-invalid' });
    await send(key, parts[1]!, pieces[1]!);
    await store.complete(key, parts);
  });

  it('are completed once, however often and by however many servers', async () => {
    const key = 'jobs/j_1/a_1/complete';
    await sendAll(key);
    await Promise.all([store, other, store].map((one) => one.complete(key, parts)));
    await other.complete(key, parts);
    const fewer = store.complete(key, parts.slice(0, 2));
    await expect(fewer).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect((await bytesOf(store, key, 0, source.length)).equals(source)).toBe(true);
  });

  it('come in through several servers', async () => {
    const key = 'jobs/j_1/a_1/shared';
    await Promise.all(
      [0, 1, 2].map((index) => send(key, parts[index]!, pieces[index]!, index % 2 ? other : store)),
    );
    await other.complete(key, parts);
    expect((await bytesOf(store, key, 5, source.length)).equals(source.subarray(5))).toBe(true);
  });

  it('can be empty', async () => {
    await put('empty/e', '');
    expect(await store.size('empty/e')).toBe(0);
    expect((await bytesOf(store, 'empty/e', 0, 0)).length).toBe(0);
    await expect(store.complete('empty/none', [])).rejects.toMatchObject({ code: 'request-invalid' });
  });

  it('are removed with all below them, and nothing beside', async () => {
    for (const key of ['gone/j_1', 'gone/j_1/a', 'gone/j_1/b/c', 'gone/j_10', 'gone/j_10/a'])
      await put(key, key);
    await send('gone/j_1/unfinished', partOf(source.subarray(0, 9), 0), source.subarray(0, 9));
    await store.remove('gone/j_1');
    for (const key of ['gone/j_1', 'gone/j_1/a', 'gone/j_1/b/c', 'gone/j_1/unfinished'])
      await expect(other.size(key), key).rejects.toMatchObject({ code: 'not-found' });
    expect(`${await bytesOf(store, 'gone/j_10', 0, 9)}`).toBe('gone/j_10');
    expect(await store.size('gone/j_10/a')).toBe(11);
    await store.remove('gone/j_1');
    await put('gone/j_1/a', 'anew');
    expect(await store.size('gone/j_1/a')).toBe(4);
  });

  const noKeys = [
    ...['../up', 'a/../../up', '/etc/passwd', 'a//b', 'a/', '', '.', 'a.b', 'a\\b', 'a b', 'a\0', 'ä'],
    ...['a\n', '%2e%2e/up', 'x'.repeat(129), `a${'/a'.repeat(300)}`],
  ];
  it.each(noKeys.map((key) => [JSON.stringify(key).slice(0, 20), key]))(
    'have no key like %s',
    async (_, key) => {
      const path = await localFile(1);
      const part = partOf(Buffer.from('x'), 0);
      const tries = [
        place.target(store, key, part).then(({ url, headers }) => {
          return fetch(url, { method: 'PUT', headers, body: 'x' }).then(async (response) => {
            throw await response.json();
          });
        }),
        ...[store.complete(key, [part]), store.adopt(key, path), store.remove(key)],
        ...[store.read(key, 0, 1), store.size(key)],
      ];
      for (const refused of await Promise.allSettled(tries))
        expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'engine-fault' } });
      expect(existsSync(path)).toBe(true);
    },
  );

  it.each([0, 1, 20_000_000])('of %i bytes are taken over from this machine', async (bytes) => {
    const content = randomBytes(bytes);
    const path = join(folder, `of-${bytes}`);
    await writeFile(path, content);
    const key = `uploads/u_${bytes}`;
    await store.adopt(key, path);
    expect(existsSync(path)).toBe(false);
    expect(await other.size(key)).toBe(bytes);
    expect((await bytesOf(other, key, 0, bytes)).equals(content)).toBe(true);
    const middle = content.subarray(bytes >> 1, bytes);
    expect((await bytesOf(store, key, bytes >> 1, bytes)).equals(middle)).toBe(true);
    await store.remove(key);
    await expect(store.size(key)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('are taken over again when they are the same, and never replaced', async () => {
    const [first, same, another] = [await localFile(5), await localFile(5), join(folder, 'another')];
    await writeFile(another, 'other');
    await store.adopt('uploads/same', first);
    await store.adopt('uploads/same', same);
    expect(existsSync(same)).toBe(false);
    await expect(store.adopt('uploads/same', another)).rejects.toMatchObject({ code: 'conflict' });
    expect(existsSync(another)).toBe(true);
    expect((await bytesOf(store, 'uploads/same', 0, 5)).equals(Buffer.alloc(5))).toBe(true);
  });

  it('are read no faster than they are taken', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    await store.adopt('uploads/long', await localFile(64 << 20));
    const inMemory = () => {
      gc();
      return process.memoryUsage().arrayBuffers;
    };
    const before = inMemory();
    const body = await store.read('uploads/long', 0, 64 << 20);
    let [taken, most] = [0, 0];
    for await (const chunk of body) {
      taken += (chunk as Buffer).length;
      // Turns of the loop in which whoever reads ahead would.
      for (let turns = 0; turns < 5; turns++) await turn();
      expect(body.readableLength).toBeLessThan(1 << 20);
      if (taken >> 22 !== (taken - (chunk as Buffer).length) >> 22)
        most = Math.max(most, inMemory() - before);
    }
    expect(taken).toBe(64 << 20);
    // What is let go is swept with some delay.
    expect(most).toBeLessThan(32 << 20);
  });

  it('can be left in the midst of reading', async () => {
    const body = await store.read('uploads/long', 0, 64 << 20);
    await once(body, 'readable');
    const closed = once(body, 'close');
    body.destroy();
    await closed;
    expect((await bytesOf(store, 'uploads/long', 0, 3)).length).toBe(3);
  });
});
