import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeRunnerError } from '../../protocol/errors.ts';

type Environment = Record<string, string | undefined>;

/**
 * Folders that models are looked for in before the cache and the network: those of `--models`, then those of
 * `EDGE_RUNNER_MODELS`, separated like PATH. Absolute.
 */
export const modelFolders = (options: readonly string[] = [], env: Environment = process.env): string[] => {
  const fromEnvironment = (env.EDGE_RUNNER_MODELS ?? '').split(delimiter);
  return [...options, ...fromEnvironment].filter((folder) => folder !== '').map((folder) => resolve(folder));
};

/** Where the models lie that come with edge-runner, whether it runs from its sources or from a bundle. Absolute. */
export function packagedFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  // The package's own root is the first folder above that has one.
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'models', 'demo');
}

/** @throws {EdgeRunnerError} `option-invalid` for a folder of `--models` that is none. */
export async function checkFolders(options: readonly string[]): Promise<void> {
  for (const folder of options) {
    const entry = await stat(folder).catch(() => null);
    if (!entry?.isDirectory())
      throw new EdgeRunnerError(
        'option-invalid',
        `--models does not take "${folder}": there is no such folder.`,
        'Give a folder that holds .onnx files.',
      );
  }
}

/**
 * Where downloaded models are kept: `EDGE_RUNNER_CACHE`, else `edge-runner` in the place that the platform has for
 * caches (XDG_CACHE_HOME where it is set). Absolute.
 */
export function cacheFolder(env: Environment = process.env, platform: string = process.platform): string {
  if (env.EDGE_RUNNER_CACHE) return resolve(env.EDGE_RUNNER_CACHE);
  if (env.XDG_CACHE_HOME) return join(resolve(env.XDG_CACHE_HOME), 'edge-runner');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'edge-runner');
  if (platform === 'win32' && env.LOCALAPPDATA)
    return join(resolve(env.LOCALAPPDATA), 'edge-runner', 'cache');
  return join(homedir(), '.cache', 'edge-runner');
}
