import { randomBytes } from 'node:crypto';
import { copyFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import type { DepthHints } from '../adapters/depth.ts';
import { describeModel } from '../descriptor.ts';
import { findEntry } from '../registry.ts';
import { download } from './download.ts';
import { makeFolder } from './make-folder.ts';
import { checkModelFile, fileBytes, MAX_MODEL_BYTES } from './model-file.ts';
import type { ResolvedModel, StoreOptions } from './resolve.ts';
import { recordUserModel } from './user-registry.ts';

export interface AddOptions extends StoreOptions {
  /** Default: the file's name without `.onnx`. */
  name?: string;
  /** Default: what the file says. */
  licence?: string;
  /** Makes it a depth model. Default: what the shapes say, and what most depth models have in common. */
  depth?: DepthHints;
}

/**
 * Copies or downloads a model into the cache under a name of the user's. Adding a name again replaces its file.
 * @param source path or http(s) URL of an `.onnx` file.
 * @throws {EdgeRunnerError} `option-invalid` for a name that is taken by a built-in model or is none; as
 *   `resolveModel` for a model that cannot be used.
 */
export async function addModel(source: string, options: AddOptions): Promise<ResolvedModel> {
  const url = /^https?:\/\//i.test(source) ? parseUrl(source) : null;
  const name = options.name ?? nameFrom(url ? url.pathname : source);
  checkName(name, options);
  const file = `added/${name}.onnx`;
  const path = join(resolve(options.cacheDir), 'added', `${name}.onnx`);

  const accept = async (part: string): Promise<ResolvedModel> => {
    const checked = await checkModelFile(part, null, source);
    const named = { ...checked, name, licence: options.licence, depth: options.depth };
    return { path, descriptor: describeModel(checked.header, null, named) };
  };
  const added = url
    ? await download({ name, url: url.href, target: path, accept, ...FROM_ANYWHERE }, options)
    : await copy(source, path, accept);
  const { sha256, bytes, licence } = added.descriptor;
  const from = url ? url.href : resolve(source);
  await recordUserModel(options.cacheDir, name, {
    file,
    sha256,
    bytes,
    licence,
    source: from,
    task: added.descriptor.task,
    ...(options.depth && { depth: options.depth }),
  });
  return added;
}

const FROM_ANYWHERE = {
  maxBytes: MAX_MODEL_BYTES,
  hashKnown: false,
  remedy: 'Fetch the file by other means and add it by its path.',
};

/** The copy is what is checked, so that a file that changes meanwhile cannot slip in. */
async function copy(
  source: string,
  path: string,
  accept: (part: string) => Promise<ResolvedModel>,
): Promise<ResolvedModel> {
  if ((await fileBytes(source)) === null)
    throw new EdgeRunnerError(
      'model-unknown',
      `There is no file ${source}.`,
      'Give the path or the http(s) address of an .onnx file.',
    );
  const part = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.part`;
  try {
    await makeFolder(dirname(path));
    await copyFile(source, part);
    const added = await accept(part);
    await rename(part, path);
    return added;
  } finally {
    await rm(part, { force: true });
  }
}

function parseUrl(source: string): URL {
  if (URL.canParse(source)) return new URL(source);
  throw new EdgeRunnerError(
    'option-invalid',
    `${source} is not an address.`,
    'Give a whole http(s) address.',
  );
}

const nameFrom = (path: string): string =>
  basename(path)
    .replace(/\.onnx$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');

function checkName(name: string, { registry }: StoreOptions): void {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name))
    throw new EdgeRunnerError(
      'option-invalid',
      `"${name}" cannot be a model's name.`,
      'Give --name of lower-case letters, digits, dots, dashes and underscores.',
    );
  if (findEntry(name, registry))
    throw new EdgeRunnerError(
      'option-invalid',
      `"${name}" is the name of a built-in model.`,
      'Choose another one with --name.',
    );
}
