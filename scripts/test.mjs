/** `npm test`: set-up, types and lint, build, then every test. Extra arguments go to Vitest. */
import { existsSync } from 'node:fs';
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
run('npx', ['vitest', 'run', ...process.argv.slice(2)], { env });
