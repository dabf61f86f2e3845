import { describeModel } from '../../../models/descriptor.ts';
import { readOnnxHeader } from '../../../models/onnx-header.ts';
import { findEntry, REGISTRY, unknownModel } from '../../../models/registry.ts';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import type { LoadedModel } from '../host.ts';

/** The one thing that outlives a page: weights, which are everybody's. */
const CACHE = 'edge-runner-models';

/**
 * A model by its name in the registry, from `base` or else from its public release, or by an address that ends in `.onnx`
 * or is the page's own (`blob:`).
 * @param base address of a folder with the registry's files, with a slash at the end.
 * @param gone it is waited for no more.
 * @throws {EdgeRunnerError} `model-unknown`, `model-unavailable`, `model-hash`, `model-invalid`, `model-shape`
 */
export async function fetchModel(name: string, base: string, gone: AbortSignal): Promise<LoadedModel> {
  const entry = findEntry(name);
  if (!entry && !isAddress(name))
    throw unknownModel(
      name,
      REGISTRY.map((known) => known.name),
    );
  const places = entry ? [`${base}${entry.fileNames[0]}`, ...(entry.url ? [entry.url] : [])] : [name];
  const known = entry?.files.map((file) => file.sha256) ?? [];
  const kept = await keptModel(known);
  const bytes = kept ?? (await firstOf(name, places, gone));
  const sha256 = await digest(bytes);
  if (sha256 !== null && known.length > 0 && !known.includes(sha256)) throw wrongHash(name);
  if (sha256 !== null && !kept && known.length > 0) await keep(sha256, bytes);
  const header = readOnnxHeader(new Uint8Array(bytes));
  const file = {
    ...{ name: entry?.name ?? lastOf(name), bytes: bytes.byteLength },
    // What tells models apart where nothing is known of their content.
    sha256: sha256 ?? name,
  };
  return { descriptor: describeModel(header, entry, file), bytes };
}

const isAddress = (name: string) => /^(https?|blob|data):|\.onnx$/i.test(name);

/** What comes after `#` is what a page calls a file whose address says nothing (`blob:`). */
const lastOf = (address: string) => {
  const [path, called] = address.split('#');
  return called ? decodeURIComponent(called) : path!.split('?')[0]!.split('/').at(-1) || 'model.onnx';
};

async function firstOf(name: string, places: readonly string[], gone: AbortSignal): Promise<ArrayBuffer> {
  const failures: string[] = [];
  for (const place of places) {
    try {
      return await bytesFrom(place, gone);
    } catch (error) {
      failures.push(`${place}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new EdgeRunnerError(
    'model-unavailable',
    `The model ${isAddress(name) ? lastOf(name) : name} cannot be had: ${failures.join('; ')}.`,
    'Choose its .onnx file itself, or have it served where the page looks for models. A file on another origin needs CORS there.',
  );
}

async function bytesFrom(address: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const answer = await fetch(new URL(address, self.location.href), { signal });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  if (answer.headers.get('content-type')?.startsWith('text/html')) throw new Error('a page, and no model');
  return answer.arrayBuffer();
}

/** A browser may refuse to keep anything, and has no caches at all outside secure contexts. */
const openCache = async () => globalThis.caches?.open(CACHE).catch(() => null) ?? null;

const keyOf = (sha256: string) => new URL(`/models/${sha256}`, self.location.origin);

async function keptModel(known: readonly string[]): Promise<ArrayBuffer | null> {
  const cache = known.length > 0 ? await openCache() : null;
  for (const sha256 of known) {
    const bytes = await (await cache?.match(keyOf(sha256)))?.arrayBuffer();
    if (bytes && (await digest(bytes)) === sha256) return bytes;
  }
  return null;
}

async function keep(sha256: string, bytes: ArrayBuffer): Promise<void> {
  await (await openCache())?.put(keyOf(sha256), new Response(bytes.slice(0))).catch(() => {});
}

const wrongHash = (name: string) =>
  new EdgeRunnerError(
    'model-hash',
    `The file of ${name} is not the one that the registry knows.`,
    'Load the page again to get it anew; if it stays so, put the right file where the page looks for models.',
  );

/** Null outside secure contexts, where the browser has no digests: a model is taken as it comes there. */
async function digest(bytes: ArrayBuffer): Promise<string | null> {
  if (!crypto.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
