import { EdgeRunnerError } from '../../protocol/index.ts';
import { FolderBlobStore } from './folder.ts';
import type { S3Location } from './s3-bucket.ts';
import type { BlobStore } from './store.ts';

/**
 * Opens where files are kept: a folder, or S3 where an address is given:
 * `s3://ACCESS:SECRET@host[:port]/bucket[/prefix][?region=us-east-1&tls=1&path=0]`. Characters of the key and the
 * secret that mean something in an address are percent-encoded (`/` as `%2F`, `+` may stay). `region` is `us-east-1`
 * where none is given; `tls=0` speaks plain HTTP; `path=1` puts the bucket into the path instead of the host name, as
 * most stores other than Amazon's want it. Nodes send to that host too, so they must be able to reach it by this name.
 * @throws {EdgeRunnerError} `option-invalid` for an address of another form; `data-unusable` where nothing can be kept.
 */
export async function openBlobStore({
  folder,
  s3Url,
}: {
  folder: string;
  s3Url: string | null;
}): Promise<BlobStore> {
  if (s3Url === null) return FolderBlobStore.open(folder);
  const location = parseS3Url(s3Url);
  // Most servers keep files in a folder: they need not wait for the client's code.
  const { S3BlobStore } = await import('./s3.ts');
  return S3BlobStore.open(location);
}

function parseS3Url(text: string): S3Location {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 's3:' || !url.hostname) throw refused('is no s3:// address with a host');
  if (!url.username || !url.password) throw refused('has no key and secret before its host');
  if (url.hash) throw refused('has a "#", which must be written as %23');
  const [bucket, ...words] = url.pathname.split('/').slice(1);
  if (!bucket || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw refused('names no bucket in its path');
  const prefix = words.filter(Boolean);
  if (!prefix.every((word) => /^[A-Za-z0-9_-]+$/.test(word)))
    throw refused('has a prefix with other characters than letters, digits, "_" and "-"');
  const options = new Map(url.searchParams);
  for (const name of options.keys())
    if (!['region', 'tls', 'path'].includes(name)) throw refused(`has an option "${name}", which is none`);
  const tls = flag(options, 'tls', true);
  const region = options.get('region') ?? 'us-east-1';
  if (!/^[a-z0-9-]+$/.test(region)) throw refused('has a region that is none');
  return {
    endpoint: `${tls ? 'https' : 'http'}://${url.host}`,
    region,
    pathStyle: flag(options, 'path', false),
    bucket,
    prefix: prefix.join('/'),
    accessKeyId: decoded(url.username),
    secretAccessKey: decoded(url.password),
  };
}

function flag(options: Map<string, string>, name: string, otherwise: boolean): boolean {
  const value = options.get(name);
  if (value !== undefined && value !== '0' && value !== '1')
    throw refused(`says "${name}" with neither 0 nor 1`);
  return value === undefined ? otherwise : value === '1';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('has a "%" in its key or secret that must be written as %25');
  }
}

/** The address itself is never shown: it has the secret in it, and of a broken one nobody knows where. */
const refused = (what: string) =>
  new EdgeRunnerError(
    'option-invalid',
    `S3_URL ${what}.`,
    'Write it as s3://ACCESS:SECRET@host[:port]/bucket[/prefix][?region=…&tls=0&path=1], with "/" in the key or secret as %2F.',
  );
