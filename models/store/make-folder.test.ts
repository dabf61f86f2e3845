import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'edge-runner-folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

it('makes what is missing, says what it made, and leaves what is there', async () => {
  const made: string[] = [];
  await makeFolder(join(root, 'a/b'), 0o700, (path) => made.push(path));
  await makeFolder(join(root, 'a/b'), 0o700, (path) => made.push(path));
  expect(made).toEqual([join(root, 'a'), join(root, 'a/b')]);
  expect(statSync(join(root, 'a/b')).mode & 0o777).toBe(0o700);
});

it('may be asked by several at once', async () => {
  await Promise.all(Array.from({ length: 20 }, () => makeFolder(join(root, 'one/of/all'))));
  expect(statSync(join(root, 'one/of/all')).isDirectory()).toBe(true);
});

it('says what is in the way', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  await expect(makeFolder(file)).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolder(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it.skipIf(process.platform !== 'linux')('ends where a file system makes no folders', async () => {
  await expect(makeFolder('/proc/none/of/these')).rejects.toMatchObject({ code: 'EPERM' });
});
