import {
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** A place in an S3 store. */
export interface S3Location {
  /** Where this server and the nodes reach the store. */
  endpoint: string;
  region: string;
  /** The bucket stands in the path, not in the host name. */
  pathStyle: boolean;
  bucket: string;
  /** Words with slashes between, or empty. */
  prefix: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** One bucket, below one prefix. What its client throws is one of {@link ANSWERS}, or `server-fault`. */
export class S3Bucket {
  /** In words, without secrets. */
  readonly name: string;
  readonly client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Empty where the store does not know conditional writes: there the last writer wins. */
  #condition: { IfNoneMatch?: '*' } = { IfNoneMatch: '*' };

  constructor(location: S3Location) {
    const { endpoint, region, pathStyle, bucket, prefix, accessKeyId, secretAccessKey } = location;
    this.name = `s3://${[new URL(endpoint).host, bucket, prefix].filter(Boolean).join('/')}`;
    this.#bucket = bucket;
    this.#prefix = prefix && `${prefix}/`;
    // Every reader of a source holds a connection while it reads, and must not keep the rest waiting.
    const agent = { maxSockets: 512, keepAlive: true };
    this.client = new S3Client({
      endpoint,
      region,
      forcePathStyle: pathStyle,
      credentials: { accessKeyId, secretAccessKey },
      // Stores other than Amazon's often refuse the checksums that the client would add of itself.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: 10_000, httpAgent: agent, httpsAgent: agent },
    });
    this.client.middlewareStack.add(
      (next) => (args) =>
        next(args).catch((error: unknown) => {
          throw isAnswer(error, ...ANSWERS) ? error : this.fault(error);
        }),
      { step: 'initialize', name: 'faults' },
    );
  }

  /** @throws {EdgeRunnerError} `data-unusable` where the bucket cannot be had. */
  async check(): Promise<void> {
    try {
      await this.client.send(new HeadBucketCommand({ Bucket: this.#bucket }));
    } catch (error) {
      const answer = error instanceof EdgeRunnerError ? error.cause : error;
      const said = BUCKET_WORDS[(answer as Answer).$metadata?.httpStatusCode ?? 0] ?? reasonOf(answer);
      throw new EdgeRunnerError(
        'data-unusable',
        `Files cannot be kept in ${this.name}: ${said}.`,
        'See that the bucket is there and that S3_URL has the right host, port, region, key and secret, with tls=0 for plain HTTP and path=1 where the bucket is no part of the host name. Without S3_URL files are kept in a folder.',
        { cause: error },
      );
    }
  }

  /** Of the addresses that the client signs. Which host they name is the client's to know. */
  async origin(): Promise<string> {
    return new URL(await getSignedUrl(this.client, new HeadBucketCommand({ Bucket: this.#bucket }))).origin;
  }

  /** The address of a key, as commands take it. */
  at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  head(key: string): Promise<HeadObjectCommandOutput | undefined> {
    return this.client
      .send(new HeadObjectCommand({ ...this.at(key), ChecksumMode: 'ENABLED' }))
      .catch(unless('NotFound'));
  }

  /** @param write takes the condition that nothing is there yet. @returns false where something is. */
  async createOnce(write: (condition: { IfNoneMatch?: '*' }) => Promise<unknown>): Promise<boolean> {
    const condition = this.#condition;
    try {
      await write(condition);
      return true;
    } catch (error) {
      if (isAnswer(error, 'PreconditionFailed', 'ConditionalRequestConflict')) return false;
      if (!isAnswer(error, 'NotImplemented') || !condition.IfNoneMatch) throw error;
      this.#condition = {};
      return this.createOnce(write);
    }
  }

  fault(error: unknown): EdgeRunnerError {
    return new EdgeRunnerError(
      'server-fault',
      `${this.name} failed: ${reasonOf(error)}.`,
      'Look after the store; what was asked for can be asked again.',
      { cause: error },
    );
  }
}

interface Answer {
  $metadata?: { httpStatusCode?: number };
}

/** The answers have a status only. */
const BUCKET_WORDS: Record<number, string> = {
  301: 'the bucket is in another region',
  400: 'it understands neither the region nor the signature',
  403: 'the key and secret do not open it',
  404: 'there is no such bucket',
};

/** What a store says that is no fault of it: something is not there, or there already, or not offered. */
const ANSWERS = [
  ...['NotFound', 'NoSuchKey', 'NoSuchUpload', 'InvalidRange'],
  ...['PreconditionFailed', 'ConditionalRequestConflict', 'NotImplemented'],
];

export const isAnswer = (error: unknown, ...names: string[]): error is Error =>
  error instanceof Error && names.includes(error.name);

/** Takes such an answer for nothing. */
export const unless =
  (...names: string[]) =>
  (error: unknown): undefined => {
    if (!isAnswer(error, ...names)) throw error;
  };

function reasonOf(error: unknown): string {
  const { name, message, code } = error as Error & { code?: string };
  // A connection refused at all addresses of a host has a code and no words.
  return [code ?? name, message].filter(Boolean).join(': ');
}
