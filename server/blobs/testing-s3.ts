import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestS3 {
  /** As S3_URL has it. */
  url: string;
  /** Where the bucket's files lie, one `<key>._S3rver_object` an object. */
  folder: string;
  /** Keys of uploads that are neither complete nor ended. */
  unfinished(): Promise<string[]>;
  close(): Promise<void>;
}

const BUCKET = 'edge-runner';

/**
 * An S3 server of its own on a free port: s3rver, with what it lacks of S3 before it: lists of parts and of uploads,
 * ending an upload, conditional writes; and lists of objects, whose tokens it makes with a cipher that Node has no more.
 * What it does not look at: signatures, and digests of what it is sent.
 * @param conditionalWrites false for a store that refuses them, as some do.
 */
export async function startS3({ conditionalWrites = true } = {}): Promise<TestS3> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-runner-s3-'));
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory },
    configureBuckets: [{ name: BUCKET }],
  });
  const uploads = new Uploads(join(directory, BUCKET, '._S3rver_uploads'));
  const writing = new Map<string, Promise<unknown>>();
  server.middleware.unshift(async (ctx, next) => {
    const [, , ...words] = decodeURIComponent(ctx.path).split('/');
    const key = words.join('/');
    const { uploadId } = ctx.query;
    if (ctx.method === 'GET' && 'uploads' in ctx.query)
      return answer(ctx, 200, await uploads.list(ctx.query.prefix));
    if ('list-type' in ctx.query) return answer(ctx, 200, await list(server.store, ctx.query));
    if (uploadId && !uploads.has(uploadId)) return answer(ctx, 404, error('NoSuchUpload'));
    if (uploadId && ctx.method === 'GET') return answer(ctx, 200, await uploads.parts(uploadId, ctx.query));
    if (uploadId && ctx.method === 'DELETE') {
      await uploads.end(uploadId);
      return answer(ctx, 204, '');
    }
    if (ctx.headers['if-none-match'] !== '*') return next();
    if (!conditionalWrites) return answer(ctx, 501, error('NotImplemented'));
    // One after the other, so that looking and writing are one step.
    const turn = (writing.get(key) ?? Promise.resolve()).then(async () => {
      if (existsSync(join(directory, BUCKET, `${key}._S3rver_object`)))
        answer(ctx, 412, error('PreconditionFailed'));
      else await next();
    });
    writing.set(
      key,
      turn.catch(() => {}),
    );
    return turn;
  });
  const { port } = await server.run();
  return {
    url: `s3://S3RVER:S3RVER@127.0.0.1:${port}/${BUCKET}?tls=0&path=1`,
    folder: join(directory, BUCKET),
    unfinished: () => uploads.keys(),
    close: async () => {
      const closed = server.close();
      server.httpServer.closeAllConnections();
      await closed;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Context {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  status: number;
  type: string;
  body: string;
}

interface ObjectStore {
  listObjects(
    bucket: string,
    options: { prefix?: string; startAfter?: string; maxKeys: number },
  ): Promise<{ objects: { key: string }[]; isTruncated: boolean }>;
}

interface S3rverApp {
  middleware: ((ctx: Context, next: () => Promise<void>) => Promise<void>)[];
  httpServer: Server;
  store: ObjectStore;
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

// It has no types.
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => S3rverApp;

/** What s3rver keeps of uploads: a folder each, with the key, the parts, and a digest of each that is whole. */
class Uploads {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  has = (id: string) => existsSync(join(this.#folder, id, 'key'));
  end = (id: string) => rm(join(this.#folder, id), { recursive: true });
  keys = async () => (await this.#all()).map(({ key }) => key);

  async list(prefix = ''): Promise<string> {
    const found = (await this.#all()).filter(({ key }) => key.startsWith(prefix));
    return element(
      'ListMultipartUploadsResult',
      element('IsTruncated', 'false'),
      ...found.map(({ key, id }) => element('Upload', element('Key', key), element('UploadId', id))),
    );
  }

  async parts(id: string, query: Record<string, string>): Promise<string> {
    const [after, most] = [Number(query['part-number-marker'] ?? 0), Number(query['max-parts'] ?? 1000)];
    const names = await readdir(join(this.#folder, id));
    const numbers = names
      .filter((name) => names.includes(`${name}.md5`))
      .map(Number)
      .filter((number) => number > after)
      .sort((a, b) => a - b);
    const page = numbers.slice(0, most);
    const parts = await Promise.all(
      page.map(async (number) => {
        const bytes = await readFile(join(this.#folder, id, `${number}`));
        const digest = (algorithm: string) => createHash(algorithm).update(bytes);
        return element(
          'Part',
          element('PartNumber', `${number}`),
          element('Size', `${bytes.length}`),
          element('ETag', digest('md5').digest('hex')),
          element('ChecksumSHA256', digest('sha256').digest('base64')),
        );
      }),
    );
    return element(
      'ListPartsResult',
      element('IsTruncated', `${numbers.length > page.length}`),
      element('NextPartNumberMarker', `${page.at(-1) ?? after}`),
      ...parts,
    );
  }

  async #all(): Promise<{ id: string; key: string }[]> {
    const ids = await readdir(this.#folder).catch(() => []);
    return Promise.all(
      ids.map(async (id) => ({ id, key: await readFile(join(this.#folder, id, 'key'), 'utf8') })),
    );
  }
}

async function list(store: ObjectStore, query: Record<string, string>): Promise<string> {
  const { prefix, 'continuation-token': startAfter } = query;
  const { objects, isTruncated } = await store.listObjects(BUCKET, { prefix, startAfter, maxKeys: 1000 });
  return element(
    'ListBucketResult',
    element('IsTruncated', `${isTruncated}`),
    isTruncated ? element('NextContinuationToken', objects.at(-1)!.key) : '',
    ...objects.map(({ key }) => element('Contents', element('Key', key))),
  );
}

function answer(ctx: Context, status: number, body: string): void {
  Object.assign(ctx, { body, type: 'application/xml', status });
}

const error = (code: string) => element('Error', element('Code', code), element('Message', code));
const element = (name: string, ...content: string[]) => `<${name}>${content.join('')}</${name}>`;
