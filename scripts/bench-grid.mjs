/** `npm run bench:grid`: the job server under thousands of nodes, and a job through it. Arguments go to bench/grid/. */
import { setUpBench } from './bench-setup.mjs';
import { run } from './setup.mjs';

const env = await setUpBench();
run(process.execPath, ['dist/node/bench-grid.js', ...process.argv.slice(2)], { env });
