/** What benches need beside the product: ffmpeg, and the packages of those that they measure us beside. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, ensureBrowser, ensureBuilt, ensurePackages, hasCommand, ROOT } from './setup.mjs';

/** @returns the environment for the bench. */
export async function setUpBench() {
  ensurePackages();
  if (!hasCommand('ffmpeg') && !aptInstall(['ffmpeg'])) {
    process.stderr.write(
      'ffmpeg is not here: the clip is a synthetic street, and nobody is compared with it\n',
    );
  }
  installPeers();
  ensureBuilt();
  return { ...process.env, EDGE_RUNNER_BROWSER: await ensureBrowser() };
}

/** A peer that cannot be installed is left out of the report; the rest is measured all the same. */
function installPeers() {
  const folder = join(ROOT, 'bench/peers');
  const stamp = join(folder, 'node_modules/.package-lock.json');
  const lock = join(folder, 'package-lock.json');
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return;
  process.stderr.write('installing what the bench measures us beside (npm install in bench/peers)\n');
  // Not `npm ci`, which wants every platform's package in the registry, also those of other machines. Their install
  // scripts download what the packages hold already.
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', args, {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.stderr.write('some of them are left out of the report\n');
}
