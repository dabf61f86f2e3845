/** `npm run bench`: set-up, build, then the measurements of bench/. Arguments go to them. */
import { aptInstall, ensureBrowser, ensureBuilt, ensurePackages, hasCommand, run } from './setup.mjs';

ensurePackages();
if (!hasCommand('ffmpeg')) aptInstall(['ffmpeg']);
ensureBuilt();
const env = { ...process.env, EDGE_RUNNER_BROWSER: await ensureBrowser() };
run(process.execPath, ['dist/node/bench.js', ...process.argv.slice(2)], { env });
