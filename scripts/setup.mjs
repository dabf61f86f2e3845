/** All the set-up of a fresh clone, with nothing but Node and its standard library. Each step says what it does. */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { constants as os } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const say = (text) => process.stderr.write(`${text}\n`);

/** Ends the process with a sentence and the remedy. */
function fail(message, remedy) {
  say(`edge-runner: ${message}\n  ${remedy}`);
  process.exit(3);
}

/** Runs a command with its output shown; ends the process when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  });
  if (error) fail(`${command} could not be started: ${error.message}`, `Install ${command}.`);
  if (status !== 0) process.exit(status ?? 1);
}

/** What a script is for: it lasts as long as this does, and ends when the script is told to. */
export function become(args, env) {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit', env });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal tells both; whoever waits here must not be gone first.
  process.on('SIGINT', () => {});
  child.on('exit', (code, signal) => process.exit(code ?? 128 + os.signals[signal]));
}

/** Installs the packages of the lockfile when they are missing or older than it. */
export function ensurePackages() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.versions.node} is too old.`, 'Install Node 20.19 or newer.');
  const stamp = join(ROOT, 'node_modules/.package-lock.json');
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(ROOT, 'package-lock.json')).mtimeMs)
    return;
  say('installing packages (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund']);
}

/** What each build makes last, in the order of its steps. */
const BUILT = { build: 'dist/types/web/engine/index.d.ts', 'build:run': 'dist/node/main.js' };
const SOURCES = [
  'protocol',
  'kernels',
  'models',
  'web',
  'headless-runner',
  'server',
  'bench',
  'package.json',
  'vite.config.ts',
  'vite.node.config.ts',
  'vite.lib.config.ts',
  'tsconfig.build.json',
];

/**
 * Builds when a source file is newer than the build: `build:run` the pages and the command, `build` the library and its
 * types too.
 */
export function ensureBuilt(script = 'build:run') {
  const built = join(ROOT, BUILT[script]);
  if (existsSync(built) && SOURCES.every((path) => newest(join(ROOT, path)) <= statSync(built).mtimeMs))
    return;
  say('building');
  run('npm', ['run', '--silent', script]);
}

/** Lies among the sources and is none of them. */
const MADE = new Set(['bench/report', 'bench/peers/node_modules'].map((path) => join(ROOT, path)));

function newest(path) {
  if (!existsSync(path)) return 0;
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.mtimeMs;
  const names = readdirSync(path).filter((name) => !MADE.has(join(path, name)));
  return Math.max(0, ...names.map((name) => newest(join(path, name))));
}

/** A Chrome or Chromium: found, else installed by apt-get where that works, else downloaded. */
export async function ensureBrowser() {
  const built = await import(new URL('../dist/node/browser.js', import.meta.url).href);
  const found = () => built.findBrowser(null);
  const path = tryOr(found, null) ?? (await built.fetchedBrowser());
  if (path) return path;
  if (aptInstall(['chromium']) || aptInstall(['chromium-browser'])) {
    // Ubuntu's package is a stub for a snap: only a browser that answers counts.
    const installed = tryOr(found, null);
    if (installed && spawnSync(installed, ['--version']).status === 0) return installed;
  }
  say('downloading Chrome for Testing');
  try {
    return await built.fetchBrowser();
  } catch (error) {
    return fail(error.message, error.remedy ?? 'Install Google Chrome or Chromium.');
  }
}

function tryOr(work, otherwise) {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

/** Installs Debian packages where this is Debian or Ubuntu and we are root. Says whether it did. */
export function aptInstall(packages) {
  if (!isDebian() || process.getuid?.() !== 0) return false;
  say(`installing ${packages.join(' ')} (apt-get)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (args) =>
    spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  return apt(install) || (apt(['update', '-qq']) && apt(install));
}

function isDebian() {
  try {
    return /^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** Whether a command is on the PATH. */
export function hasCommand(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, process.platform === 'win32' ? `${name}.exe` : name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
