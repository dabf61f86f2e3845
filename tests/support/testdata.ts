import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './command.ts';

const folder = process.env.EDGE_RUNNER_TESTDATA ?? join(ROOT, '../shared/testdata');

/** Where the test data lies, null where it is not here. */
export const TESTDATA: string | null = existsSync(join(folder, 'MANIFEST.json')) ? folder : null;

export const testdata = (path: string): string => join(folder, path);

/** For the names of suites that are skipped without it. */
export const needsTestdata = (name: string): string =>
  TESTDATA ? name : `${name} (skipped: no test data beside the checkout, nor in EDGE_RUNNER_TESTDATA)`;

export const hasFfmpeg = has('ffmpeg') && has('ffprobe');

export const needsFfmpeg = (name: string): string =>
  hasFfmpeg ? name : `${name} (skipped: ffmpeg and ffprobe are not on the PATH)`;

function has(command: string): boolean {
  try {
    execFileSync(command, ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
