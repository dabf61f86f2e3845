import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
  type ListPartsCommandOutput,
  PutObjectCommand,
  type Part as StoredPart,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { conflict, missing } from './checks.ts';
import { type S3Bucket, unless } from './s3-bucket.ts';
import type { Part, PartTarget } from './store.ts';

/** From when the address is made until the store has read the head of what is sent there, seconds. */
const TARGET_SECONDS = 600;
const CHECKSUM = 'x-amz-checksum-sha256';

/**
 * The multipart uploads of a bucket, one a file. Which one it is says a small object beside, `<key>.upload`, until the
 * file is complete: of several servers that begin at once only one creates it, and the rest find it there. The store's
 * own list of uploads cannot say it: its times are whole seconds, and MinIO lists none by prefix.
 */
export class S3Uploads {
  readonly #bucket: S3Bucket;
  /** What is being found out: many parts of a file are promised at once, and must not begin as many uploads. */
  readonly #asked = new Map<string, Promise<string>>();

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** @throws {EdgeRunnerError} `conflict` where the part is there with other bytes, or the file is complete. */
  async target(key: string, part: Part): Promise<PartTarget> {
    const { client } = this.#bucket;
    const upload = { ...this.#bucket.at(key), UploadId: await this.#uploadOf(key) };
    // S3 takes a part again and again, and keeps the last.
    const listed = await client
      .send(new ListPartsCommand({ ...upload, PartNumberMarker: `${part.index}`, MaxParts: 1 }))
      .catch(unless('NoSuchUpload'));
    if (!listed) throw conflict(`The upload of ${key} has ended.`);
    const there = listed.Parts?.find(({ PartNumber }) => PartNumber === part.index + 1);
    if (there && !isPart(there, part))
      throw conflict(`Part ${part.index} of ${key} is there with other bytes.`);
    const checksum = base64Of(part.sha256);
    const url = await getSignedUrl(
      client,
      new UploadPartCommand({
        ...upload,
        PartNumber: part.index + 1,
        ContentLength: part.bytes,
        ChecksumSHA256: checksum,
      }),
      // Within the address S3 would not look at it.
      { expiresIn: TARGET_SECONDS, unhoistableHeaders: new Set([CHECKSUM]) },
    );
    return { url, headers: { [CHECKSUM]: checksum } };
  }

  /**
   * Makes a file of its parts.
   * @returns false where there is no upload, as when another server completes it at the same time.
   * @throws {EdgeRunnerError} `digest-mismatch` where a part is missing or another.
   */
  async assemble(key: string, parts: readonly Part[]): Promise<boolean> {
    const at = this.#bucket.at(key);
    const UploadId = await this.#begun(key);
    if (UploadId === undefined) return false;
    const stored = await this.#stored(key, UploadId).catch(unless('NoSuchUpload'));
    if (!stored) return false;
    const Parts = parts.map((part) => {
      const there = stored.get(part.index);
      if (!there || !isPart(there, part)) throw missing(key, part);
      const { PartNumber, ETag, ChecksumSHA256 } = there;
      return { PartNumber, ETag, ChecksumSHA256 };
    });
    const completion = { ...at, UploadId, MultipartUpload: { Parts } };
    try {
      return await this.#bucket.createOnce((condition) =>
        this.#bucket.client.send(new CompleteMultipartUploadCommand({ ...completion, ...condition })),
      );
    } catch (error) {
      return unless('NoSuchUpload')(error) ?? false;
    }
  }

  /** After a file is complete. */
  async forget(key: string): Promise<void> {
    await this.#bucket.client.send(new DeleteObjectCommand(this.#bucket.at(ticketOf(key))));
  }

  /** Ends the uploads of files below a prefix, with all that they have. */
  async abortBelow(prefix: string): Promise<void> {
    const { Bucket, Key: Prefix } = this.#bucket.at(prefix);
    let page: ListMultipartUploadsCommandOutput | undefined;
    do {
      const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page ?? {};
      page = await this.#bucket.client.send(
        new ListMultipartUploadsCommand({ Bucket, Prefix, KeyMarker, UploadIdMarker }),
      );
      for (const { Key = '', UploadId = '' } of page.Uploads ?? [])
        if (isBelow(Key, Prefix)) await this.#abort({ Bucket, Key, UploadId });
    } while (page.IsTruncated);
  }

  /** The upload of a file, begun where there is none. */
  #uploadOf(key: string): Promise<string> {
    const asked = this.#asked.get(key);
    if (asked) return asked;
    const answer = this.#begun(key)
      .then((begun) => begun ?? this.#begin(key))
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  async #begun(key: string): Promise<string | undefined> {
    const ticket = await this.#bucket.client
      .send(new GetObjectCommand(this.#bucket.at(ticketOf(key))))
      .catch(unless('NoSuchKey'));
    return ticket?.Body?.transformToString();
  }

  async #begin(key: string): Promise<string> {
    if (await this.#bucket.head(key)) throw conflict(`${key} is complete.`);
    const at = this.#bucket.at(key);
    const { UploadId = '' } = await this.#bucket.client.send(
      new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'SHA256' }),
    );
    try {
      const ticket = { ...this.#bucket.at(ticketOf(key)), Body: UploadId };
      const isFirst = await this.#bucket.createOnce((condition) =>
        this.#bucket.client.send(new PutObjectCommand({ ...ticket, ...condition })),
      );
      if (isFirst) return UploadId;
    } catch (error) {
      await this.#abort({ ...at, UploadId });
      throw error;
    }
    // It can be our own: a repetition whose first try came through, though the answer to it did not.
    const standing = await this.#begun(key);
    if (standing !== UploadId) await this.#abort({ ...at, UploadId });
    if (standing === undefined) throw conflict(`The upload of ${key} has ended.`);
    return standing;
  }

  async #stored(key: string, UploadId: string): Promise<Map<number, StoredPart>> {
    const stored = new Map<number, StoredPart>();
    const at = this.#bucket.at(key);
    let page: ListPartsCommandOutput | undefined;
    // The client's own pages would not end: stores name a next one after the last.
    do {
      const { NextPartNumberMarker: PartNumberMarker } = page ?? {};
      page = await this.#bucket.client.send(new ListPartsCommand({ ...at, UploadId, PartNumberMarker }));
      for (const part of page.Parts ?? []) stored.set(part.PartNumber! - 1, part);
    } while (page.IsTruncated);
    return stored;
  }

  async #abort(upload: { Bucket: string; Key: string; UploadId: string }): Promise<void> {
    await this.#bucket.client.send(new AbortMultipartUploadCommand(upload)).catch(unless('NoSuchUpload'));
  }
}

/** No key has a dot. */
const ticketOf = (key: string) => `${key}.upload`;

/** Whether an object is the file of this key, what stands for its upload, or of a file below it. */
export const isBelow = (key: string, prefix: string) =>
  key === prefix || key === ticketOf(prefix) || key.startsWith(`${prefix}/`);

/** Stores that look at no digests say none: there the length must do. */
const isPart = ({ Size, ChecksumSHA256 }: StoredPart, { bytes, sha256 }: Part) =>
  Size === bytes && (ChecksumSHA256 === undefined || ChecksumSHA256 === base64Of(sha256));

const base64Of = (sha256: string) => Buffer.from(sha256, 'hex').toString('base64');
