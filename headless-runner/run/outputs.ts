import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type Container, EdgeRunnerError } from '../../protocol/index.ts';
import { unwritable } from '../host/output-files.ts';
import type { RunInput } from './inputs.ts';
import type { MadeFolders } from './made-folders.ts';

/** Where one input's result goes. */
export interface RunTarget {
  folder: string;
  /** File name of a video; for pictures each keeps its own. */
  name: string;
  container: Container;
}

const CONTAINER_OF: Record<string, Container> = {
  '.mp4': 'mp4',
  '.m4v': 'mp4',
  '.webm': 'webm',
  '.mkv': 'mkv',
  '.m3u8': 'hls',
};

/**
 * The target of every input, checked before any work begins.
 * @throws {EdgeRunnerError} `output-container`, `output-unwritable`, `output-equals-input`, `usage`
 */
export async function planTargets(
  inputs: RunInput[],
  output: string,
  folders: MadeFolders,
): Promise<RunTarget[]> {
  const isFolder = /[\\/]$/.test(output) || ((await stat(output).catch(() => null))?.isDirectory() ?? false);
  if (!isFolder && (inputs.length > 1 || inputs[0]?.kind === 'pictures')) {
    throw new EdgeRunnerError(
      'usage',
      `Several inputs, or pictures, cannot go into the one file ${output}.`,
      `Give a folder: -o ${output.replace(/\.[^./\\]+$/, '')}/`,
    );
  }
  if (isFolder) await folders.make(output);
  const targets = inputs.map((input): RunTarget => {
    if (!isFolder)
      return { folder: resolve(dirname(output)), name: basename(output), container: containerOf(output) };
    const container = CONTAINER_OF[extname(input.name).toLowerCase()] ?? 'mp4';
    const stem = basename(input.name, extname(input.name));
    return {
      folder: resolve(output),
      name: container === 'hls' ? `${stem}.mp4` : `${stem}${extension(container, input.name)}`,
      container: container === 'hls' ? 'mp4' : container,
    };
  });
  for (const folder of new Set(targets.map((target) => target.folder))) await checkWritable(folder);
  for (const target of targets) {
    if ((await stat(join(target.folder, target.name)).catch(() => null))?.isDirectory()) {
      throw new EdgeRunnerError(
        'output-unwritable',
        `${join(target.folder, target.name)} is a folder.`,
        'Give another name for the output.',
      );
    }
  }
  return targets;
}

/**
 * The folder of each input's depth maps: the one that is named, or with several inputs one within it for each.
 * @throws {EdgeRunnerError} `output-unwritable`; `usage` for two inputs of one name.
 */
export async function planDepthFolders(
  inputs: RunInput[],
  folder: string,
  made: MadeFolders,
): Promise<string[]> {
  const folders = inputs.map(({ name }) =>
    inputs.length === 1 ? resolve(folder) : resolve(folder, basename(name, extname(name)) || 'input'),
  );
  const twice = folders.find((path, i) => folders.indexOf(path) !== i);
  if (twice !== undefined) throw twoOutputs(twice);
  for (const path of folders) {
    await made.make(path);
    await checkWritable(path);
  }
  return folders;
}

function extension(container: Container, name: string): string {
  return CONTAINER_OF[extname(name).toLowerCase()] === container ? extname(name) : `.${container}`;
}

function containerOf(path: string): Container {
  const container = CONTAINER_OF[extname(path).toLowerCase()];
  if (container) return container;
  throw new EdgeRunnerError(
    'output-container',
    `The name ${basename(path)} does not say what to write.`,
    'End it in .mp4, .webm, .mkv or .m3u8.',
  );
}

async function checkWritable(folder: string): Promise<void> {
  const entry = await stat(folder).catch((error: unknown) =>
    Promise.reject(unwritable(folder, error, folder)),
  );
  if (!entry.isDirectory()) throw unwritable(folder, Object.assign(new Error(), { code: 'ENOTDIR' }), folder);
  await access(folder, constants.W_OK).catch((error: unknown) =>
    Promise.reject(unwritable(folder, error, folder)),
  );
}

/**
 * No output may be an input, nor another output; links are looked through.
 * @param sideFiles of events and statistics; "-" and undefined are no files.
 * @param depthFolders of each input's depth maps.
 * @throws {EdgeRunnerError} `output-equals-input`, `usage`
 */
export async function checkDistinct(
  inputs: RunInput[],
  targets: RunTarget[],
  sideFiles: (string | undefined)[],
  depthFolders: string[] | null = null,
): Promise<void> {
  const read = new Set<string>();
  for (const input of inputs) {
    const paths = input.kind === 'file' ? [input.path] : input.kind === 'pictures' ? input.paths : [];
    for (const path of paths) read.add(await identity(path));
  }
  const outputs = targets.flatMap(({ folder, name }, i) => {
    const input = inputs[i]!;
    const names = input.kind === 'pictures' ? input.paths.map(pictureName) : [name];
    return names.map((file) => join(folder, file));
  });
  const maps = (depthFolders ?? []).flatMap((folder, i) => {
    const input = inputs[i]!;
    return input.kind === 'pictures' ? input.paths.map((path) => join(folder, depthMapName(path))) : [];
  });
  const written = new Set<string>();
  for (const path of [
    ...outputs,
    ...maps,
    ...sideFiles.filter((file) => file !== undefined && file !== '-'),
  ]) {
    const id = await identity(path!);
    if (read.has(id)) {
      throw new EdgeRunnerError(
        'output-equals-input',
        `The output ${path} is an input too.`,
        'Write to another name or folder.',
      );
    }
    if (written.has(id)) {
      throw twoOutputs(path!);
    }
    written.add(id);
  }
}

/** The same for every path that leads to one file. */
async function identity(path: string): Promise<string> {
  const entry = await stat(path).catch(() => null);
  return entry ? `${entry.dev}:${entry.ino}` : resolve(path);
}

/** Name of the picture that comes out for one that goes in: PNG stays PNG, all else becomes JPEG. */
export const pictureName = (path: string) =>
  /\.png$/i.test(path) ? basename(path) : basename(path).replace(/\.[^.]+$/, '.jpg');

const depthMapName = (path: string) => `${basename(path).replace(/\.[^.]+$/, '')}.png`;

const twoOutputs = (path: string) =>
  new EdgeRunnerError(
    'usage',
    `Two outputs would both be written to ${path}.`,
    'Give them different names, or run the inputs apart.',
  );
