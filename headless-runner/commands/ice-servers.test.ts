import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIceFile } from './ice-servers.ts';

describe('the file of --ice-servers', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edge-runner-ice-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (text: string) => {
    const path = join(folder, 'ice.json');
    writeFileSync(path, text);
    return readIceFile(path);
  };

  it('is a list, each with one address or several', async () => {
    const turn = { urls: ['turns:turn.example.net?transport=tcp'], username: 'u', credential: 'p' };
    expect(await read(JSON.stringify([{ urls: 'stun:[2001:db8::1]:3478' }, turn]))).toEqual([
      { urls: ['stun:[2001:db8::1]:3478'] },
      turn,
    ]);
    expect(await read('[]')).toEqual([]);
  });

  it.each([
    ['is no JSON', '[{', /no JSON/],
    ['is no list', '{"urls": "stun:stun.example.net"}', /expected array/],
    [
      'has an address of another kind',
      '[{"urls": "https://stun.example.net"}]',
      /0\.urls\.0: an address such as stun:/,
    ],
    ['would break out of a header', '[{"urls": "stun:a>; rel=\\"x"}]', /0\.urls/],
    ['has a TURN server without its credentials', '[{"urls": "turn:turn.example.net"}]', /wants username/],
    ['has a word on two lines', '[{"urls": "stun:a", "username": "a\\nb"}]', /ASCII/],
    ['has what nobody knows', '[{"urls": "stun:a", "password": "x"}]', /password/],
    ['is empty', '[{"urls": []}]', /0\.urls/],
  ])('is refused where it %s', async (_what, text, words) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.stringMatching(words),
    });
  });

  it('is refused where it is not there', async () => {
    await expect(readIceFile(join(folder, 'gone.json'))).rejects.toMatchObject({
      code: 'option-invalid',
      message: expect.stringContaining('ENOENT'),
    });
  });
});
