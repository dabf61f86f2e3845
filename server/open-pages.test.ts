import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { describeModel } from '../models/descriptor.ts';
import { findEntry } from '../models/registry.ts';
import { startTestServer, type TestServer } from './testing.ts';

/** What the server gives to pages that have no token. */
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const get = (path: string, method = 'GET') => fetch(new URL(path, server.url), { method });

describe('the models that come with it', () => {
  it.each(['street-yolo', 'street-depth'])('are there for anybody: %s', async (name) => {
    const entry = findEntry(name)!;
    const bytes = await get(`/models/${name}.onnx`);
    expect(bytes.status).toBe(200);
    expect(bytes.headers.get('cache-control')).toMatch(/public.*max-age=3600.*immutable/);
    expect(bytes.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    const sha256 = createHash('sha256')
      .update(Buffer.from(await bytes.arrayBuffer()))
      .digest('hex');
    expect(entry.files.map((file) => file.sha256)).toContain(sha256);
    const descriptor = await get(`/models/${name}.json`);
    expect(descriptor.headers.get('cache-control')).toMatch(/immutable/);
    const told = (await descriptor.json()) as ReturnType<typeof describeModel>;
    expect(told).toMatchObject({ name, task: entry.task });
    // The same that a node is told.
    expect((await server.ask('GET', `/v1/models/${name}/descriptor`)).body).toEqual(told);
  });

  it('lie beside others of the registry that are here', async () => {
    const bytes = Buffer.from('as if it were the model');
    await mkdir(join(server.folder, 'models'), { recursive: true });
    await writeFile(join(server.folder, 'models', findEntry('yolox-tiny')!.fileNames[0]!), bytes);
    const got = await get(`/models/${findEntry('yolox-tiny')!.fileNames[0]}`);
    expect(got.status).toBe(200);
    expect(Buffer.from(await got.arrayBuffer())).toEqual(bytes);
    const names: unknown = await (await get('/models/index.json')).json();
    expect(names).toEqual(
      expect.arrayContaining(['street-yolo.onnx', 'street-depth.onnx', 'yolox_tiny.onnx']),
    );
    expect(names).not.toContain('yolox_nano.onnx');
  });

  it('are all that lies there', async () => {
    for (const path of [
      ...['', 'README.md', 'yolox-nano.onnx', 'yolox-nano.json', 'street-yolo', 'STREET-YOLO.onnx'],
      ...['..%2fregistry.json', '%2e%2e/registry.json', 'street-yolo.onnx/', '.'],
    ])
      expect((await get(`/models/${path}`)).status, path).toBe(404);
    expect((await get('/models/street-yolo.onnx', 'POST')).status).toBe(404);
  });
});

describe('what a page may connect to', () => {
  const directives = async (path: string) => {
    const { headers } = await get(path);
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    const policy = headers.get('content-security-policy')!;
    return Object.fromEntries(
      policy.split(';').map((one) => {
        const [name, ...values] = one.trim().split(/\s+/);
        return [name, values];
      }),
    );
  };

  it.each(['/overlay/', '/overlay', '/banner/', '/banner/index.html', '/examples/watch/'])(
    'is any origin for one that plays and sends streams: %s',
    async (path) => {
      const { 'connect-src': connect, 'media-src': media, ...others } = await directives(path);
      expect(connect).toEqual(expect.arrayContaining(["'self'", 'blob:', 'https:', 'http:', 'wss:']));
      expect(media).toEqual(expect.arrayContaining(["'self'", 'blob:', 'https:', 'http:']));
      // No script, frame or picture of elsewhere all the same.
      expect(JSON.stringify(others)).not.toMatch(/https?:/);
    },
  );

  it.each(['/dashboard/', '/contribute/', '/api/', '/bannered', '/v1/overlay', '/'])(
    'is this server for all others: %s',
    async (path) => {
      expect(JSON.stringify(await directives(path))).not.toMatch(/https?:|wss?:/);
    },
  );
});
