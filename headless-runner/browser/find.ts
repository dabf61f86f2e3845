import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** Names a Chrome or Chromium goes by on the PATH, best first. */
const NAMES = [
  'google-chrome-stable',
  'google-chrome',
  'chromium',
  'chromium-browser',
  'chrome',
  'microsoft-edge',
];

const FIXED: Partial<Record<NodeJS.Platform, string[]>> = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: [
    join(process.env.PROGRAMFILES ?? 'C:\\Program Files', 'Google/Chrome/Application/chrome.exe'),
    join(
      process.env['PROGRAMFILES(X86)'] ?? 'C:\\Program Files (x86)',
      'Google/Chrome/Application/chrome.exe',
    ),
    join(process.env.LOCALAPPDATA ?? '', 'Google/Chrome/Application/chrome.exe'),
  ],
};

/**
 * The browser to drive: `EDGE_RUNNER_BROWSER`, one on the PATH, one in its usual place, one that edge-runner fetched.
 * @throws {EdgeRunnerError} `no-browser`
 */
export function findBrowser(fetched: string | null): string {
  const named = process.env.EDGE_RUNNER_BROWSER;
  if (named) {
    if (isExecutable(named)) return named;
    throw new EdgeRunnerError(
      'no-browser',
      `EDGE_RUNNER_BROWSER names ${named}, which cannot be run.`,
      'Set it to the path of Chrome or Chromium, or unset it.',
    );
  }
  const found =
    (process.env.PATH ?? '')
      .split(delimiter)
      .flatMap((folder) => NAMES.map((name) => join(folder, name)))
      .find((path) => isExecutable(path)) ?? FIXED[process.platform]?.find((path) => existsSync(path));
  if (found) return found;
  if (fetched) return fetched;
  throw new EdgeRunnerError('no-browser', 'There is no Chrome or Chromium on this machine.', installHint());
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const installHint = () =>
  process.platform === 'linux'
    ? 'Install one ("apt-get install chromium", or Google Chrome), or run "edge-runner doctor --install-browser".'
    : 'Install Google Chrome, or run "edge-runner doctor --install-browser".';
