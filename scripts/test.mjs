/** `npm test`: set-up, types and lint, build, then every test. Extra arguments go to Vitest. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { aptInstall, ensureBrowser, ensureBuilt, ensurePackages, hasCommand, ROOT, run } from './setup.mjs';

ensurePackages();
if (!hasCommand('ffmpeg') && !aptInstall(['ffmpeg'])) {
  process.stderr.write(
    'ffmpeg is not here and cannot be installed: tests that need it are skipped by name\n',
  );
}
if (process.platform === 'linux' && !existsSync('/usr/lib/postgresql') && !aptInstall(['postgresql'])) {
  process.stderr.write(
    'PostgreSQL is not here and cannot be installed: tests that need it are skipped by name\n',
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

/** Vitest's own words when Chromium dies under it. Any other error outside of a test stays one. */
const BROWSER_LOST = /Browser connection was closed/;

const folder = mkdtempSync(join(tmpdir(), 'edge-runner-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** Said again at the very end: in a log that is cut short that is what is left. */
const faults = [];
let failed = false;
// One project after the other: each wants every core.
for (const project of ['node', 'timing', 'browser']) {
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
  const once = () => {
    const { status, stderr } = spawnSync('npx', args, {
      cwd: ROOT,
      stdio: ['inherit', 'inherit', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env,
      shell: process.platform === 'win32',
    });
    process.stderr.write(stderr);
    const counted = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
    return { ok: status === 0, counted, lost: BROWSER_LOST.test(stderr) };
  };
  let { ok, counted, lost } = once();
  if (!ok && lost && counted?.numFailedTests === 0) {
    // Chromium with a software adapter dies once in a great while, whatever test it is at; a fault of ours dies twice.
    process.stderr.write('no test failed, but the browser was lost: all of its tests once more\n');
    ({ ok, counted } = once());
  }
  failed ||= !ok;
  for (const { name, status, message, assertionResults } of counted?.testResults ?? []) {
    const file = relative(ROOT, name);
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed'))
      faults.push(`FAILED ${file}: ${message}`);
    for (const { fullName, failureMessages } of assertionResults.filter((test) => test.status === 'failed'))
      faults.push(
        `FAILED ${file} > ${fullName}: ${failureMessages.join(' ').split('\n', 3).join(' ').slice(0, 500)}`,
      );
  }
  total.passed += counted?.numPassedTests ?? 0;
  total.failed += counted?.numFailedTests ?? 0;
  total.skipped += counted?.numPendingTests ?? 0;
}
rmSync(folder, { recursive: true, force: true });
for (const fault of faults) console.log(fault);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(failed ? 1 : 0);
