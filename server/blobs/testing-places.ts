import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { openBlobStore } from './open.ts';
import type { BlobStore, Part, PartTarget } from './store.ts';
import { startS3 } from './testing-s3.ts';

/** A place for files, as servers and nodes use it. */
export interface Place {
  /** A server of its own on the same place. */
  open(): Promise<BlobStore>;
  target(store: BlobStore, key: string, part: Part): Promise<PartTarget>;
  close(): Promise<void>;
}

/** A node sends to the server, which writes. */
export async function folderPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'edge-runner-blobs-'));
  const promised = new Map<string, { store: BlobStore; key: string; part: Part }>();
  const receiver = createServer((req, res) => {
    const { store, key, part } = promised.get(req.url!)!;
    store.writePart(key, part, req).then(
      () => res.writeHead(204).end(),
      (error) => res.writeHead(400).end(JSON.stringify(EdgeRunnerError.from(error).toRecord())),
    );
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  return {
    open: () => openBlobStore({ folder, s3Url: null }),
    target: async (store, key, part) => {
      const path = `/${promised.size}`;
      promised.set(path, { store, key, part });
      return { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}${path}`, headers: {} };
    },
    close: async () => {
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

export async function s3Place(): Promise<Place> {
  const s3 = await startS3();
  return {
    open: () => openBlobStore({ folder: '', s3Url: s3.url }),
    target: (store, key, part) => store.partTarget!(key, part),
    close: s3.close,
  };
}
