import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, expect, it } from 'vitest';
import { GrowingFile } from './growing-file.ts';

const MIB = 1 << 20;

let file: GrowingFile | null = null;
let server: Server | null = null;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await file?.close();
  server = null;
  file = null;
});

/** Sends chunks of 64 KiB, each another buffer, and tells how many were taken. */
function sender(chunks: number) {
  const sent = { bytes: 0 };
  const input = (async function* () {
    for (let i = 0; i < chunks; i++) {
      const chunk = Buffer.alloc(1 << 16, i);
      sent.bytes += chunk.byteLength;
      yield chunk;
      // As a pipe does, between two reads.
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return { sent, input };
}

async function serve(source: GrowingFile): Promise<string> {
  const app = express().get('/', (request, response) => source.serve(request, response));
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Reads so many bytes of an answer, then goes. */
function readSome(url: string, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, async (answer) => {
      let read = 0;
      for await (const chunk of answer) {
        read += (chunk as Buffer).byteLength;
        if (read >= bytes) break;
      }
      request.destroy();
      resolve();
    });
    request.once('error', reject);
  });
}

it('a sender without end is taken in a little ahead of whoever reads, and no further', async () => {
  const { sent, input } = sender(Number.POSITIVE_INFINITY);
  file = await GrowingFile.start(input, null);
  const url = await serve(file);
  await readSome(url, 8 * MIB);
  // Turns of the event loop in which it could have sent four times as much.
  for (let turn = 0; turn < 5000; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(sent.bytes).toBeLessThan(80 * MIB);
  await readSome(url, 200 * MIB);
  expect(sent.bytes).toBeGreaterThan(200 * MIB);
  expect(sent.bytes).toBeLessThan(320 * MIB);
});

it('what was written to the disk does not stay in memory', async () => {
  const { input } = sender(16 * 400);
  file = await GrowingFile.start(input, null);
  const url = await serve(file);
  const before = process.memoryUsage().arrayBuffers;
  await readSome(url, 399 * MIB);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150 * MIB);
});

it('an idle sender does not hold up the end', async () => {
  const idle: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
  };
  file = await GrowingFile.start(idle, null);
  await file.close();
  file = null;
});
