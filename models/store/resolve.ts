import { basename, join, resolve } from 'node:path';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { describeModel, type ModelDescriptor } from '../descriptor.ts';
import { findEntry, findEntryByHash, REGISTRY, type RegistryEntry, unknownModel } from '../registry.ts';
import { download, type TransferOptions } from './download.ts';
import { packagedFolder } from './folders.ts';
import { type CheckedFile, checkModelFile, fileBytes, MAX_MODEL_BYTES } from './model-file.ts';
import { readUserRegistry, recordUserModel, type UserModel } from './user-registry.ts';

export interface StoreOptions extends TransferOptions {
  /** Looked in first, in this order; see `modelFolders`. */
  folders: readonly string[];
  /** See `cacheFolder`. */
  cacheDir: string;
  registry?: readonly RegistryEntry[];
}

export interface ResolvedModel {
  descriptor: ModelDescriptor;
  /** Absolute. The bytes there were read and found right a moment ago. */
  path: string;
}

/**
 * A model's file on this machine and how to use it. A name of the registry is looked for in the folders, then in the
 * cache, then downloaded; a path is taken as it is; else it is a name that the user gave (`models add`).
 * @throws {EdgeRunnerError} `model-unknown`, `model-hash`, `model-invalid`, `model-shape`, `model-unavailable`.
 */
export async function resolveModel(ref: string, options: StoreOptions): Promise<ResolvedModel> {
  const registry = options.registry ?? REGISTRY;
  const entry = findEntry(ref, registry);
  if (entry) return resolveEntry(entry, options);
  const path = await writtenAsPath(ref, options.folders);
  if (path) return openPath(path, registry);
  const added = await readUserRegistry(options.cacheDir);
  const model = added.get(ref);
  if (model) return openUserModel(ref, model, options.cacheDir);
  if ((await fileBytes(ref)) !== null) return openPath(resolve(ref), registry);
  throw unknownModel(ref, [...registry.map(({ name }) => name), ...userNames(added, registry)]);
}

/** A file that stands for a built-in model, before it is checked. */
export interface LocatedEntry {
  path: string;
  where: 'folder' | 'cache' | 'package';
  bytes: number;
}

/** Where a built-in model lies; null when it is not here. */
export async function locateEntry(
  entry: RegistryEntry,
  { folders, cacheDir }: Pick<StoreOptions, 'folders' | 'cacheDir'>,
): Promise<LocatedEntry | null> {
  const inFolders = folders.flatMap((folder) => entry.fileNames.map((fileName) => join(folder, fileName)));
  for (const path of inFolders) {
    const bytes = await fileBytes(path);
    if (bytes !== null) return { path, where: 'folder', bytes };
  }
  const where = entry.url === null ? 'package' : 'cache';
  const path = where === 'package' ? join(packagedFolder(), entry.fileNames[0]!) : cachePath(entry, cacheDir);
  const bytes = await fileBytes(path);
  return bytes === null ? null : { path, where, bytes };
}

/** Checks a file that stands for a built-in model. @throws as {@link resolveModel}. */
export async function openEntry(
  entry: RegistryEntry,
  path: string,
  cacheDir: string,
): Promise<ResolvedModel> {
  const file = await checkModelFile(path, await acceptedHashes(entry, cacheDir));
  return { path, descriptor: describeModel(file.header, entry, file) };
}

/** Checks a file that the user added. @throws as {@link resolveModel}. */
export async function openUserModel(
  name: string,
  model: UserModel,
  cacheDir: string,
): Promise<ResolvedModel> {
  const path = join(cacheDir, model.file);
  const file = await checkModelFile(path, [model.sha256]);
  return {
    path,
    descriptor: describeModel(file.header, null, {
      ...file,
      name,
      licence: model.licence,
      depth: model.depth,
    }),
  };
}

/** The names in the user's list that are models of their own, not hashes kept for built-in ones. */
export const userNames = (
  added: ReadonlyMap<string, UserModel>,
  registry: readonly RegistryEntry[] = REGISTRY,
): string[] => [...added.keys()].filter((name) => !findEntry(name, registry)).sort();

async function resolveEntry(entry: RegistryEntry, options: StoreOptions): Promise<ResolvedModel> {
  const located = await locateEntry(entry, options);
  if (located && located.where !== 'cache') return openEntry(entry, located.path, options.cacheDir);
  if (located) {
    try {
      return await openEntry(entry, located.path, options.cacheDir);
    } catch (error) {
      // The cache is ours: a file that went bad there is replaced, not complained about.
      const bad = error instanceof EdgeRunnerError && ['model-hash', 'model-invalid'].includes(error.code);
      if (!bad) throw error;
      options.onProgress?.({ kind: 'damaged', name: entry.name, path: located.path });
    }
  }
  return fetchEntry(entry, options);
}

async function fetchEntry(entry: RegistryEntry, options: StoreOptions): Promise<ResolvedModel> {
  const { cacheDir } = options;
  const { url } = entry;
  if (url === null) throw notPackaged(entry.name);
  const accepted = await acceptedHashes(entry, cacheDir);
  const path = cachePath(entry, cacheDir);
  const file = await download<CheckedFile>(
    {
      name: entry.name,
      url,
      target: path,
      maxBytes: Math.max(0, ...entry.files.map(({ bytes }) => bytes)) || MAX_MODEL_BYTES,
      hashKnown: accepted !== null,
      remedy:
        `Fetch it by other means, put it as ${entry.fileNames[0]} into a folder, and name that folder ` +
        'in EDGE_RUNNER_MODELS or with --models.',
      accept: async (part) => {
        const checked = await checkModelFile(part, accepted, url);
        describeModel(checked.header, entry, checked);
        return checked;
      },
    },
    options,
  );
  if (!accepted) {
    const { sha256, bytes } = file;
    await recordUserModel(cacheDir, entry.name, {
      file: basename(path),
      sha256,
      bytes,
      licence: entry.licence,
      task: entry.task,
      source: url,
    });
    options.onProgress?.({ kind: 'pinned', name: entry.name, sha256 });
  }
  return { path, descriptor: describeModel(file.header, entry, file) };
}

const notPackaged = (name: string) =>
  new EdgeRunnerError(
    'model-unavailable',
    `${name} comes with edge-runner, and its file is gone.`,
    'Install edge-runner again.',
  );

const cachePath = (entry: RegistryEntry, cacheDir: string) => join(resolve(cacheDir), entry.fileNames[0]!);

/** What the registry vouches for, else what the first download had; null before that. */
async function acceptedHashes(entry: RegistryEntry, cacheDir: string): Promise<string[] | null> {
  if (entry.files.length > 0) return entry.files.map(({ sha256 }) => sha256);
  const pinned = (await readUserRegistry(cacheDir)).get(entry.name);
  return pinned ? [pinned.sha256] : null;
}

async function openPath(path: string, registry: readonly RegistryEntry[]): Promise<ResolvedModel> {
  const file = await checkModelFile(path);
  return { path, descriptor: describeModel(file.header, findEntryByHash(file.sha256, registry), file) };
}

/**
 * The file that a ref means when it is written like a path. A bare `name.onnx` that is not here is looked for in the
 * folders. @returns null for a name.
 */
async function writtenAsPath(ref: string, folders: readonly string[]): Promise<string | null> {
  if (/[\\/]/.test(ref)) return resolve(ref);
  if (!/\.onnx$/i.test(ref)) return null;
  for (const folder of ['.', ...folders]) {
    const path = resolve(folder, ref);
    if ((await fileBytes(path)) !== null) return path;
  }
  return resolve(ref);
}
