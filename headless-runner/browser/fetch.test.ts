import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EdgeRunnerError } from '../../protocol/index.ts';
import { fetchBrowser, fetchedBrowser } from './fetch.ts';

/** A download server that holds one stand-in for Chrome: a script that prints its version. */
let server: Server;
let cacheDir: string;
let requested: string[];

beforeEach(async () => {
  requested = [];
  cacheDir = mkdtempSync(join(tmpdir(), 'edge-runner-browsers-'));
  server = createServer((request, response) => {
    requested.push(request.url!);
    const platform = basename(request.url!, '.zip');
    if (!/^\/1\.2\.3\.4\//.test(request.url!)) response.writeHead(404).end();
    else response.end(zipOf(`${platform}/chrome`, '#!/bin/sh\necho "stand-in 1.2.3.4"\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  rmSync(cacheDir, { recursive: true, force: true });
  await new Promise((resolve) => server.close(resolve));
});

const baseUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

it.runIf(process.platform === 'linux')(
  'a browser is downloaded once, can be run, and is found again',
  async () => {
    const seen: number[] = [];
    const path = await fetchBrowser({
      cacheDir,
      buildId: '1.2.3.4',
      baseUrl: baseUrl(),
      onProgress: (received) => seen.push(received),
    });
    expect(execFileSync(path, { encoding: 'utf8' })).toBe('stand-in 1.2.3.4\n');
    expect(seen.length).toBeGreaterThan(0);
    expect(await fetchedBrowser(cacheDir)).toBe(path);
    await fetchBrowser({ cacheDir, buildId: '1.2.3.4', baseUrl: baseUrl() });
    expect(requested).toHaveLength(1);
  },
);

it('a download that fails is said with what to do about it, and leaves no browser behind', async () => {
  const failing = fetchBrowser({ cacheDir, buildId: '9.9.9.9', baseUrl: baseUrl() });
  await expect(failing).rejects.toMatchObject({ code: 'no-browser' });
  await failing.catch((error: EdgeRunnerError) => expect(error.remedy).toContain('EDGE_RUNNER_BROWSER'));
  expect(await fetchedBrowser(cacheDir)).toBeNull();
});

/** A zip archive of one executable file, stored without compression (PKWARE APPNOTE 4.3). */
function zipOf(name: string, content: string): Buffer {
  const [path, data] = [Buffer.from(name), Buffer.from(content)];
  const shared = Buffer.alloc(26);
  shared.writeUInt16LE(20, 0);
  shared.writeUInt32LE(crc32(data), 10);
  shared.writeUInt32LE(data.length, 14);
  shared.writeUInt32LE(data.length, 18);
  shared.writeUInt16LE(path.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), shared, path, data]);
  const attributes = Buffer.alloc(14);
  // Unix mode in the upper half: a regular file, rwxr-xr-x.
  attributes.writeUInt32LE((0o100755 << 16) >>> 0, 6);
  const madeByUnix = Buffer.from([20, 3]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), madeByUnix, shared, attributes, path]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end]);
}
