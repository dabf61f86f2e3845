import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { DeleteObjectsCommand, GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { EdgeRunnerError, PART_BYTES } from '../../protocol/index.ts';
import {
  checkKey,
  checkPart,
  checkParts,
  checkRange,
  conflict,
  isSame,
  MOST_PARTS,
  mismatch,
  notFound,
} from './checks.ts';
import { S3Bucket, type S3Location, unless } from './s3-bucket.ts';
import { isBelow, S3Uploads } from './s3-uploads.ts';
import type { BlobStore, Part, PartTarget } from './store.ts';

/**
 * Files in an S3 bucket; nodes send their parts straight there, and no more than was promised of each. Pages are nodes
 * too, so the bucket's CORS rules must allow `PUT` with `x-amz-checksum-sha256` from where they are served. A lifecycle
 * rule that ends unfinished uploads after some days takes what a crash leaves.
 */
export class S3BlobStore implements BlobStore {
  readonly name: string;
  readonly origin: string;
  readonly #bucket: S3Bucket;
  readonly #uploads: S3Uploads;

  private constructor(bucket: S3Bucket, origin: string) {
    this.name = bucket.name;
    this.origin = origin;
    this.#bucket = bucket;
    this.#uploads = new S3Uploads(bucket);
  }

  /** @throws {EdgeRunnerError} `data-unusable` where the bucket cannot be read. */
  static async open(location: S3Location): Promise<S3BlobStore> {
    const bucket = new S3Bucket(location);
    await bucket.check().catch((error) => {
      bucket.client.destroy();
      throw error;
    });
    return new S3BlobStore(bucket, await bucket.origin());
  }

  readonly partTarget = async (key: string, part: Part): Promise<PartTarget> => {
    checkKey(key);
    checkPart(part);
    return this.#uploads.target(key, part);
  };

  async writePart(): Promise<never> {
    throw new EdgeRunnerError('engine-fault', `Parts go straight to ${this.name}.`, 'Please report this.');
  }

  async complete(key: string, parts: readonly Part[]): Promise<void> {
    checkKey(key);
    const bytes = checkParts(parts);
    // Another server may complete it right now.
    if (
      !(await this.#isComplete(key, parts, bytes)) &&
      !(await this.#uploads.assemble(key, parts)) &&
      !(await this.#isComplete(key, parts, bytes))
    )
      throw mismatch(`No parts of ${key} are there, or no more.`);
    await this.#uploads.forget(key);
  }

  async adopt(key: string, path: string): Promise<void> {
    checkKey(key);
    const { size } = await stat(path);
    const isNew =
      !(await this.#bucket.head(key)) &&
      (await this.#bucket.createOnce((condition) => this.#send(key, path, size, condition)));
    if (!isNew) {
      const bytes = await this.size(key);
      if (!(await isSame(path, { bytes, read: () => this.read(key, 0, bytes) })))
        throw conflict(`${key} is there with other bytes.`);
    }
    await rm(path, { force: true });
  }

  async read(key: string, start: number, end: number): Promise<Readable> {
    checkKey(key);
    if (end > start) {
      const Range = `bytes=${start}-${end - 1}`;
      const answer = await this.#bucket.client
        .send(new GetObjectCommand({ ...this.#bucket.at(key), Range }))
        .catch(unless('NoSuchKey', 'InvalidRange'));
      const body = answer?.Body as Readable | undefined;
      // A range that ends behind the file is cut short.
      if (body && answer?.ContentLength === end - start) return body;
      body?.destroy();
    }
    checkRange(start, end, await this.size(key));
    if (end > start)
      throw this.#bucket.fault(new Error(`bytes ${start} to ${end} of ${key} were not what came`));
    // No range of S3's is empty.
    return Readable.from([]);
  }

  async size(key: string): Promise<number> {
    checkKey(key);
    const there = await this.#bucket.head(key);
    if (!there) throw notFound(key);
    return there.ContentLength ?? 0;
  }

  async remove(prefix: string): Promise<void> {
    checkKey(prefix);
    const { client } = this.#bucket;
    const { Bucket, Key: Prefix } = this.#bucket.at(prefix);
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix })) {
      const Objects = Contents.flatMap(({ Key = '' }) => (isBelow(Key, Prefix) ? [{ Key }] : []));
      if (Objects.length === 0) continue;
      const { Errors: [failed] = [] } = await client.send(
        new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      );
      if (failed) throw this.#bucket.fault(new Error(`${failed.Key} stays, ${failed.Code}`));
    }
    await this.#uploads.abortBelow(prefix);
  }

  async close(): Promise<void> {
    this.#bucket.client.destroy();
  }

  async #isComplete(key: string, parts: readonly Part[], bytes: number): Promise<boolean> {
    const there = await this.#bucket.head(key);
    if (!there) return false;
    const { ContentLength, ChecksumSHA256 = '' } = there;
    // Of a file in parts it is the digest of their digests, and their number.
    const isOther = ChecksumSHA256.includes('-') && ChecksumSHA256 !== digestOfDigests(parts);
    if (ContentLength !== bytes || isOther) throw mismatch(`${key} was completed with other parts.`);
    return true;
  }

  async #send(key: string, path: string, size: number, condition: { IfNoneMatch?: '*' }): Promise<void> {
    const Body = createReadStream(path);
    try {
      await new Upload({
        client: this.#bucket.client,
        params: { ...this.#bucket.at(key), Body, ...condition },
        partSize: Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS)),
        queueSize: 2,
      }).done();
    } finally {
      Body.destroy();
    }
  }
}

function digestOfDigests(parts: readonly Part[]): string {
  const hash = createHash('sha256');
  for (const { sha256 } of parts) hash.update(sha256, 'hex');
  return `${hash.digest('base64')}-${parts.length}`;
}
