/** `npm test`: set-up, types and lint, build, then every test. Extra arguments go to Vitest. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptInstall, ensureBrowser, ensureBuilt, ensurePackages, hasCommand, ROOT, run } from './setup.mjs';

ensurePackages();
if (!hasCommand('ffmpeg') && !aptInstall(['ffmpeg'])) {
  process.stderr.write(
    'ffmpeg is not here and cannot be installed: tests that need it are skipped by name\n',
  );
}
ensureBuilt('build');
const EDGE_RUNNER_BROWSER = await ensureBrowser();
const models = join(ROOT, '../shared/testdata/models');
const env = {
  ...process.env,
  EDGE_RUNNER_BROWSER,
  ...(!process.env.EDGE_RUNNER_MODELS && existsSync(models) && { EDGE_RUNNER_MODELS: models }),
};
run('npm', ['run', '--silent', 'check']);

const folder = mkdtempSync(join(tmpdir(), 'edge-runner-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
let failed = false;
// One project after the other: both want every core.
for (const project of ['node', 'browser']) {
  const report = join(folder, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = [
    'vitest',
    'run',
    '--project',
    project,
    '--passWithNoTests',
    ...reporters,
    ...process.argv.slice(2),
  ];
  failed =
    spawnSync('npx', args, { cwd: ROOT, stdio: 'inherit', env, shell: process.platform === 'win32' })
      .status !== 0 || failed;
  if (!existsSync(report)) continue;
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  total.passed += numPassedTests;
  total.failed += numFailedTests;
  total.skipped += numPendingTests;
}
rmSync(folder, { recursive: true, force: true });
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(failed ? 1 : 0);
