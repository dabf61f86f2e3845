import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DefaultHttpStack, DetailedError, type PreviousUpload, Upload, type UrlStorage } from 'tus-js-client';
import { z } from 'zod';
import { cacheFolder, makeFolder } from '../../models/store/index.ts';
import { EdgeRunnerError, fromProblem } from '../../protocol/index.ts';
import type { GridClient } from './client.ts';

/** Pauses before a connection that broke is taken up again, milliseconds. */
const PAUSES = [250, 1_000, 3_000, 5_000, 10_000, 20_000];
/** Bytes sent at a time of what has no end yet. */
const CHUNK = 8 << 20;

export interface UploadRequest {
  client: GridClient;
  name: string;
  /** A path, or what comes in until it ends. */
  from: string | NodeJS.ReadableStream;
  onProgress(sent: number, of: number | null): void;
  signal: AbortSignal;
}

/** Sends a file to the server, from where an earlier try left it. @returns the id of the upload. */
export async function sendUpload({ client, name, from, onProgress, signal }: UploadRequest): Promise<string> {
  const file = typeof from === 'string' ? createReadStream(from) : from;
  const before = typeof from === 'string' ? await stat(from) : null;
  const id = await new Promise<string>((resolve, reject) => {
    // The package's types leave out what it takes in Node: readable streams.
    const upload = new Upload(file as unknown as Buffer, {
      endpoint: new URL('/v1/uploads', client.server).href,
      headers: client.headers,
      metadata: { filename: name },
      httpStack: new DefaultHttpStack({ agent: client.agent }),
      retryDelays: PAUSES,
      // What is refused stays refused.
      onShouldRetry: ({ originalResponse }) => (originalResponse?.getStatus() ?? 500) >= 500,
      onProgress: (sent, of) => onProgress(sent, of || null),
      onSuccess: () => resolve(upload.url!.split('/').at(-1)!),
      onError: (error) => reject(asRefusal(client, error)),
      removeFingerprintOnSuccess: true,
      ...(typeof from === 'string'
        ? { urlStorage: new StoredUploads() }
        : { chunkSize: CHUNK, uploadLengthDeferred: true, storeFingerprintForResuming: false }),
    });
    signal.addEventListener(
      'abort',
      () => {
        upload.abort().finally(() => reject(signal.reason));
      },
      { once: true },
    );
    const begin = async () => {
      const [earlier] = typeof from === 'string' ? await upload.findPreviousUploads() : [];
      if (earlier) upload.resumeFromPreviousUpload(earlier);
      if (!signal.aborted) upload.start();
    };
    begin().catch(reject);
  });
  const after = typeof from === 'string' ? await stat(from) : null;
  if (before && after && (after.size !== before.size || after.mtimeMs !== before.mtimeMs))
    throw new EdgeRunnerError(
      'source-changed',
      `${name} changed while it was uploaded: it is still being written.`,
      'Submit it again once it is whole.',
    );
  return id;
}

function asRefusal({ server }: GridClient, error: Error): EdgeRunnerError {
  const answer = error instanceof DetailedError ? error.originalResponse : null;
  const told = fromProblem(parse(answer?.getBody() ?? ''));
  return (
    told ??
    new EdgeRunnerError(
      'server-unreachable',
      answer
        ? `${server.origin} refused the upload (${answer.getStatus()}).`
        : `The upload to ${server.origin} broke off, and could not be taken up again: ${error.message}.`,
      'Submit it again: what has arrived is not sent twice.',
    )
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const kept = z.record(
  z.string(),
  z.object({
    fingerprint: z.string(),
    size: z.number().nullable(),
    metadata: z.record(z.string(), z.string()),
    creationTime: z.string(),
    uploadUrl: z.string().nullable(),
    parallelUploadUrls: z.null().default(null),
  }),
);
type Kept = z.infer<typeof kept>;

/** Uploads under way, so that a later `submit` of the same file goes on with them. */
class StoredUploads implements UrlStorage {
  readonly #path = join(cacheFolder(), 'uploads.json');

  async findAllUploads(): Promise<PreviousUpload[]> {
    return Object.entries(await this.#read()).map(([urlStorageKey, entry]) => ({ ...entry, urlStorageKey }));
  }

  async findUploadsByFingerprint(fingerprint: string): Promise<PreviousUpload[]> {
    const all = Object.entries(await this.#read());
    return all
      .filter(([, entry]) => entry.fingerprint === fingerprint)
      .map(([urlStorageKey, entry]) => ({ ...entry, urlStorageKey }));
  }

  async addUpload(fingerprint: string, upload: PreviousUpload): Promise<string> {
    const key = randomBytes(8).toString('hex');
    const { size, metadata, creationTime, uploadUrl } = upload;
    const entry = { fingerprint, size, metadata, creationTime, uploadUrl, parallelUploadUrls: null };
    await this.#write({ ...(await this.#read()), [key]: entry });
    return key;
  }

  async removeUpload(key: string): Promise<void> {
    const { [key]: _, ...others } = await this.#read();
    await this.#write(others);
  }

  async #read(): Promise<Kept> {
    const text = await readFile(this.#path, 'utf8').catch(() => '{}');
    const read = kept.safeParse(parse(text));
    return read.success ? read.data : {};
  }

  async #write(entries: Kept): Promise<void> {
    await makeFolder(dirname(this.#path));
    const part = `${this.#path}.${randomBytes(4).toString('hex')}`;
    await writeFile(part, JSON.stringify(entries), { mode: 0o600 });
    await rename(part, this.#path);
  }
}
