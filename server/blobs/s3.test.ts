import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { openBlobStore } from './open.ts';
import type { BlobStore, Part } from './store.ts';
import { startS3, type TestS3 } from './testing-s3.ts';

let s3: TestS3;
let store: BlobStore;

const openAt = (s3Url: string) => openBlobStore({ folder: '', s3Url });

beforeAll(async () => {
  s3 = await startS3();
  store = await openAt(s3.url);
});

afterAll(async () => {
  await store.close();
  await s3.close();
});

const partOf = (text: string, index = 0): Part => ({
  index,
  bytes: text.length,
  sha256: createHash('sha256').update(text).digest('hex'),
});

async function send(key: string, text: string, via = store): Promise<string> {
  const { url, headers } = await via.partTarget!(key, partOf(text));
  const response = await fetch(url, { method: 'PUT', headers, body: text });
  expect(response.status).toBe(200);
  return new URL(url).searchParams.get('uploadId')!;
}

it('a part goes to an address for just its length and its digest, for ten minutes', async () => {
  const { url, headers } = await store.partTarget!('jobs/j_1/bound', partOf('bound'));
  const { origin, searchParams } = new URL(url);
  expect(origin).toBe(store.origin);
  expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host;x-amz-checksum-sha256');
  expect(searchParams.get('X-Amz-Expires')).toBe('600');
  expect(headers).toEqual({
    'x-amz-checksum-sha256': createHash('sha256').update('bound').digest('base64'),
  });
});

it('parts that are promised at once, by many servers, belong to one upload', async () => {
  const servers = await Promise.all(Array.from({ length: 4 }, () => openAt(s3.url)));
  const targets = await Promise.all(
    [...servers, ...servers].map((server, index) =>
      server.partTarget!('jobs/j_1/many', partOf('many', index)),
    ),
  );
  const uploads = new Set(targets.map(({ url }) => new URL(url).searchParams.get('uploadId')));
  expect(uploads.size).toBe(1);
  expect((await s3.unfinished()).filter((key) => key === 'jobs/j_1/many')).toHaveLength(1);
  await Promise.all(servers.map((server) => server.close()));
});

it('a file that is complete leaves nothing of its upload, and takes no more parts', async () => {
  await send('done/d', 'done');
  await store.complete('done/d', [partOf('done')]);
  expect((await s3.unfinished()).filter((key) => key.startsWith('done'))).toEqual([]);
  expect((await readdir(join(s3.folder, 'done'))).filter((name) => name.includes('upload'))).toEqual([]);
  await expect(store.partTarget!('done/d', partOf('else'))).rejects.toMatchObject({ code: 'conflict' });
});

it('an upload that ended elsewhere is said to have', async () => {
  const id = await send('ended/e', 'ended');
  await rm(join(s3.folder, '._S3rver_uploads', id), { recursive: true });
  await expect(store.partTarget!('ended/e', partOf('ended'))).rejects.toMatchObject({ code: 'conflict' });
  const completing = store.complete('ended/e', [partOf('ended')]);
  await expect(completing).rejects.toMatchObject({ code: 'digest-mismatch' });
});

it('removing ends the uploads below, and no others', async () => {
  for (const key of ['ends/j_1', 'ends/j_1/a', 'ends/j_10/a']) await send(key, key);
  await store.remove('ends/j_1');
  expect((await s3.unfinished()).filter((key) => key.startsWith('ends'))).toEqual(['ends/j_10/a']);
});

it('more files are removed than one request takes', async () => {
  await mkdir(join(s3.folder, 'lots'));
  for (let index = 0; index < 1100; index++)
    await writeFile(join(s3.folder, 'lots', `f_${index}._S3rver_object`), '');
  await store.remove('lots');
  expect(await readdir(s3.folder)).not.toContain('lots');
});

it('servers with different prefixes do not meet', async () => {
  const [one, two] = await Promise.all(
    ['grid/one', 'grid/two'].map((prefix) => openAt(s3.url.replace('?', `/${prefix}?`))),
  );
  await send('same', 'one', one);
  await one!.complete('same', [partOf('one')]);
  await send('same', 'not one', two);
  await two!.complete('same', [partOf('not one')]);
  await two!.remove('same');
  expect(await one!.size('same')).toBe(3);
  expect(await readdir(join(s3.folder, 'grid/one'))).toContain('same._S3rver_object');
  await Promise.all([one!.close(), two!.close()]);
});

it('a store that knows no conditional writes serves all the same', async () => {
  const plain = await startS3({ conditionalWrites: false });
  const onPlain = await openAt(plain.url);
  await Promise.all(['a', 'b', 'c'].map((key) => onPlain.partTarget!(`plain/${key}`, partOf(key))));
  await send('plain/p', 'plain', onPlain);
  await onPlain.complete('plain/p', [partOf('plain')]);
  const folder = await mkdtemp(join(tmpdir(), 'edge-runner-plain-'));
  await writeFile(join(folder, 'f'), 'adopted');
  await onPlain.adopt('plain/f', join(folder, 'f'));
  expect([await onPlain.size('plain/p'), await onPlain.size('plain/f')]).toEqual([5, 7]);
  await onPlain.close();
  await plain.close();
  await rm(folder, { recursive: true });
});

it('a part that reaches the server itself is a fault', async () => {
  const writing = store.writePart('k', partOf('x'), Readable.from(['x']));
  await expect(writing).rejects.toMatchObject({ code: 'engine-fault' });
});

it('a store that is gone is named, without its secret', async () => {
  const gone = await startS3();
  const onGone = await openAt(gone.url);
  await gone.close();
  const error = await onGone.size('k').catch((thrown: EdgeRunnerError) => thrown);
  expect(error).toMatchObject({ code: 'server-fault' });
  expect((error as EdgeRunnerError).message).toContain('s3://127.0.0.1:');
  expect((error as EdgeRunnerError).message).not.toContain('S3RVER');
  await onGone.close();
});

it('a bucket that cannot be reached is refused at once', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => closed.once('listening', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  for (const url of [
    s3.url.replace('/edge-runner?', '/no-such-bucket?'),
    s3.url.replace('S3RVER:', 'NOBODY:'),
    `s3://key:hush@127.0.0.1:${port}/bucket?tls=0&path=1`,
  ]) {
    const error = await openAt(url).catch((thrown: EdgeRunnerError) => thrown);
    expect(error, url).toMatchObject({ code: 'data-unusable', exitCode: 3 });
    expect(JSON.stringify((error as EdgeRunnerError).toRecord())).not.toMatch(/hush|:S3RVER/);
  }
});

it.each([
  ...[
    '',
    'bucket',
    'https://KEY:hush@host/bucket',
    's3:///bucket',
    's3://host/bucket',
    's3://KEY@host/bucket',
  ],
  ...[
    's3://KEY:hush@host',
    's3://KEY:hush@host/',
    's3://KEY:hush@host/NO',
    's3://KEY:hush@host/bucket/../up/a.b',
  ],
  ...[
    's3://KEY:hush@host/bucket?tls=no',
    's3://KEY:hush@host/bucket?path',
    's3://KEY:hush@host/bucket?acl=1',
  ],
  ...['s3://KEY:hush@host/bucket?region=', 's3://KEY:hush@host/bucket#x', 's3://KEY:hush%@host/bucket'],
  ...['s3://KEY:hu/sh@host/bucket', 's3://KEY:hush@host:port/bucket'],
])('no address of a store is %j, and its secret is not said', async (url) => {
  const error = await openAt(url).catch((thrown: EdgeRunnerError) => thrown);
  expect(error).toBeInstanceOf(EdgeRunnerError);
  const { code, message, remedy } = error as EdgeRunnerError;
  expect(code).toBe('option-invalid');
  expect(remedy).toContain('s3://ACCESS:SECRET@');
  expect(message + remedy).not.toMatch(/hu(sh|\/)/);
});

it('an address may have what an address must write otherwise', async () => {
  const url = s3.url
    .replace('S3RVER@', `${encodeURIComponent('a/b+c=d@e#f')}@`)
    .replace('?', '/a/b/?region=eu-1&');
  const opened = await openAt(url);
  expect(opened.name).toBe(`s3://${new URL(url).host}/edge-runner/a/b`);
  const { url: target } = await opened.partTarget!('k', partOf('x'));
  expect(new URL(target).searchParams.get('X-Amz-Credential')).toContain('/eu-1/s3/');
  await opened.close();
});
