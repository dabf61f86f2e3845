import { join } from 'node:path';
import {
  Browser,
  computeExecutablePath,
  detectBrowserPlatform,
  getInstalledBrowsers,
  install,
  resolveBuildId,
} from '@puppeteer/browsers';
import { cacheFolder } from '../../models/store/index.ts';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** Where browsers that edge-runner fetches live. */
export const browserCache = () => join(cacheFolder(), 'browsers');

/** Path of a Chrome that was fetched before, or null. */
export async function fetchedBrowser(cacheDir = browserCache()): Promise<string | null> {
  const installed = await getInstalledBrowsers({ cacheDir }).catch(() => []);
  return installed.find(({ browser }) => browser === Browser.CHROME)?.executablePath ?? null;
}

export interface FetchOptions {
  cacheDir?: string;
  /** A build instead of today's stable one. */
  buildId?: string;
  /** Where Chrome for Testing is downloaded from, when not its own address. */
  baseUrl?: string;
  onProgress?(received: number, total: number): void;
}

/**
 * Downloads Chrome for Testing and returns its path.
 * @throws {EdgeRunnerError} `no-browser` when there is none for this machine or it cannot be downloaded.
 */
export async function fetchBrowser(options: FetchOptions = {}): Promise<string> {
  const cacheDir = options.cacheDir ?? browserCache();
  const platform = detectBrowserPlatform();
  const remedy =
    'Install Google Chrome or Chromium by hand and, where it is not on the PATH, set EDGE_RUNNER_BROWSER to it.';
  if (!platform)
    throw new EdgeRunnerError(
      'no-browser',
      `There is no Chrome for Testing for ${process.platform} ${process.arch}.`,
      remedy,
    );
  try {
    const buildId = options.buildId ?? (await resolveBuildId(Browser.CHROME, platform, 'stable'));
    await install({
      browser: Browser.CHROME,
      buildId,
      cacheDir,
      platform,
      ...(options.baseUrl && { baseUrl: options.baseUrl }),
      ...(options.onProgress && { downloadProgressCallback: options.onProgress }),
    });
    return computeExecutablePath({ browser: Browser.CHROME, buildId, cacheDir, platform });
  } catch (error) {
    throw new EdgeRunnerError(
      'no-browser',
      `Chrome could not be downloaded: ${error instanceof Error ? error.message : error}.`,
      remedy,
      { cause: error },
    );
  }
}
