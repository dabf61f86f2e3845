/** `npm run bench:grid`: the job server under thousands of nodes. Arguments go to bench/grid/. */
import { ensureBuilt, ensurePackages, run } from './setup.mjs';

ensurePackages();
ensureBuilt();
run(process.execPath, ['dist/node/bench-grid.js', ...process.argv.slice(2)]);
